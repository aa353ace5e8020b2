// A controller that watches the list of tubes, for bench/feed.ts: says `ready` when it has all rows.
import { io } from 'socket.io-client';

const [url, token] = process.argv.slice(2);
const socket = io(`${url}/control`, { auth: { token }, transports: ['websocket'] });
socket.on('session', () => socket.emit('watch_tubes'));
socket.on('tubes', ({ complete }) => {
  if (complete) process.send?.('ready');
});
process.on('disconnect', () => process.exit(0));
