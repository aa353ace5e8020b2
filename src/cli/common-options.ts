/** Options that several commands share. Only words: the table of commands is made of them. */
import { tubeStates } from '../../machines/events.js';
import type { CommandOption } from './command.js';

export const defaultUrl = 'http://127.0.0.1:8080';

/** Options of every command that talks to a service. */
export const serviceOptions = {
  url: {
    value: 'URL',
    about: `The service, or the link to its console that it printed, token and all; default HOLDFAST_URL, else ${defaultUrl}.`,
  },
  token: {
    value: 'TOKEN',
    about: 'Its control token; default HOLDFAST_TOKEN. Others on this machine can see it: a file is better.',
  },
  'token-file': {
    value: 'FILE',
    about: 'A file with that token; default HOLDFAST_TOKEN_FILE. `-` reads it from standard input.',
  },
} satisfies Record<string, CommandOption>;

export const filterOptions: Readonly<Record<string, CommandOption>> = {
  state: { value: 'STATE', about: `Tubes in this state only: ${tubeStates.slice(0, -1).join(', ')}.` },
  conversation: { value: 'ID', about: "Tubes of this conversation only (the controller's own id)." },
};
