#!/usr/bin/env node
/**
 * The program `holdfast`. Without a command, or with flags only, it is the service; the commands are in cli/commands.ts, and each is loaded when it is
 * named, so that the service does not pay for the others.
 */
import { runProcess } from './cli/dispatch.js';

await runProcess(process.argv.slice(2));
