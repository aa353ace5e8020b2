/** What `hello` says we are. A test keeps it equal to package.json, which a browser bundle cannot read. */
export const libraryVersion = '0.1.0';
