/**
 * The bridge page to stately.ai's inspector, for those who allow it (`statelyInspector`): shows their page in a frame and passes on to it what /inspect
 * streams of one tube. The service has sanitised that; this page adds nothing, and takes from the frame one word only: that it is ready.
 *
 * Opened as `stately.html#tube=<tube_id>`, from the console: in the same tab or one opened by it, where its token is.
 */
import type { InspectAbout, InspectMessage } from '../operator/inspection.types.js';
import { lastingSocket } from './socket/lasting-socket.js';
import { findToken } from './socket/token.js';

const inspectorOrigin = 'https://stately.ai';
const inspectorUrl = `${inspectorOrigin}/inspect`;

type Answer = { readonly ok: boolean; readonly error?: { readonly message: string } };

function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(`the page has no ${id}`);
  return found;
}

const frame = byId('inspector', HTMLIFrameElement);
const say = (words: string): void => void (byId('status', HTMLElement).textContent = words);

/** The words of the inspector's page when it is ready for messages (@statelyai/inspect, `createBrowserReceiver`). */
function isReady({ origin, source, data }: MessageEvent<unknown>): boolean {
  if (origin !== inspectorOrigin || source !== frame.contentWindow) return false;
  return typeof data === 'object' && data !== null && (data as { type?: unknown }).type === '@statelyai.connected';
}

function stream(token: string, tubeId: string): void {
  // Whenever the frame is ready, or the connection is back: the stream begins with all actors and where they are.
  let frameIsReady = false;
  const { socket } = lastingSocket(`${location.origin}/inspect`, token, (status) => {
    if (status.kind === 'online') void watch();
    else if (status.kind === 'offline') say(`Not connected to the service (${status.detail}); trying again.`);
    else if (status.kind === 'refused') say(status.detail);
  });
  const watch = async (): Promise<void> => {
    if (!frameIsReady || !socket.connected) return;
    const answer = (await socket.emitWithAck('watch', { tube_id: tubeId })) as Answer;
    say(answer.ok ? 'Live.' : (answer.error?.message ?? 'The service refuses.'));
  };
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    if (!isReady(event)) return;
    frameIsReady = true;
    void watch();
  });
  socket.on('inspect', (messages: readonly InspectMessage[], { ended }: InspectAbout) => {
    for (const message of messages) frame.contentWindow?.postMessage(message, inspectorOrigin);
    if (ended) say('The tube is closed.');
  });
  frame.src = inspectorUrl;
}

// Before the token is taken out of the fragment, and the rest of it with it.
const tubeId = new URLSearchParams(location.hash.slice(1)).get('tube');
const token = findToken();
if (tubeId === null) say('No tube is named: open this page from the console.');
else if (token === null) say('There is no control token in this tab: open this page from the console.');
else {
  byId('what', HTMLElement).textContent = `Tube ${tubeId} in the inspector of stately.ai`;
  stream(token, tubeId);
}
