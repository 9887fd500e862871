/** All checks, in the order of the catalogue; within a group, those that need only TCP share a host. */
import type { Check } from '../check.ts'
import { admission } from './admission.ts'
import { backlog } from './backlog.ts'
import { config } from './config.ts'
import { connections } from './connections.ts'
import { listening } from './listening.ts'
import { log } from './log.ts'
import { plugins } from './plugins.ts'
import { process_ } from './process.ts'
import { telnet } from './telnet.ts'
import { text } from './text.ts'
import { visits } from './visits.ts'

export const groups: ReadonlyMap<string, readonly Check[]> = new Map([
  ['telnet', telnet],
  ['text', text],
  ['connections', connections],
  ['backlog', backlog],
  ['admission', admission],
  ['visits', visits],
  ['listening', listening],
  ['plugins', plugins],
  ['config', config],
  ['log', log],
  ['process', process_],
])
