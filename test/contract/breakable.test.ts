/** A connection that can be broken on purpose keeps the contract of the others while nobody breaks it. */
import { withFaults } from '../../src/transport/fault-injection.js';
import { FakeNetwork } from '../support/fake-connection.js';
import { describeConnection } from './connection-contract.js';

describeConnection('connection that can be broken', withFaults(new FakeNetwork().createConnection));
