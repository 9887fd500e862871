/** `multiecho/testing`: the test kit for plugins. */
export { createTestHost, type TestClient, type TestConfig, type TestHost } from './test-host.ts'
export { createTestStore, type TestStore } from './test-store.ts'
export { checkPlugin, type CheckOptions, type CheckReport } from './check-plugin.ts'
export { CheckError, type Finding } from '../support/errors.ts'
