/** Interface and address changes, of the service's host and of the peer's: the first two rows of the table. */
import type { Scenario } from '../scenario.js';

export const interfaceScenarios: readonly Scenario[] = [
  {
    name: 'ethernet-to-wifi',
    what: "The service's host loses its cable; its Wi-Fi comes up in the same moment and takes the default route.",
    targets: { library: { ms: 1000 }, chromium: { ms: 2000 } },
    happen: (stage) => stage.happens(() => stage.topology.service.handOver('eth0', 'wlan0')),
  },
];
