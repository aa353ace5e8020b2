/** The fake connection of the tests keeps the contract of real ones. */
import { FakeNetwork } from '../support/fake-connection.js';
import { describeConnection } from './connection-contract.js';

describeConnection('fake connection', new FakeNetwork().createConnection);
