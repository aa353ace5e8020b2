/** The UDP relay as a process in the laboratory's router. Started and commanded by test/system/lab/relay-process.ts. */
import { UdpRelay } from '../../../src/demo/udp-relay.js';
import type { RelayCommand, RelayReply } from '../lab/relay-process.js';

const relay = new UdpRelay({
  seed: Number(process.argv[2] ?? 1),
  frontAddress: '0.0.0.0',
  backAddress: '0.0.0.0',
  maxMappings: 1024,
});
const reply = (message: RelayReply): void => {
  if (process.connected) process.send?.(message);
};

async function obey(command: RelayCommand): Promise<RelayReply> {
  const { ask } = command;
  switch (command.kind) {
    case 'portTo':
      return { ask, port: await relay.portTo(command.host, command.port) };
    case 'impair':
      relay.impair(command.conditions, command.direction);
      return { ask };
    case 'forget':
      relay.forget();
      return { ask };
    case 'rebind':
      relay.rebind();
      return { ask };
  }
}

process.on('message', (command) => void obey(command as RelayCommand).then(reply));
process.on('disconnect', () => process.exit(0));
reply({ ask: 0 });
