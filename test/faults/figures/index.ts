/** The acceptance figures, in their order. */
import type { Figure } from '../figure.ts'
import { blocked } from './blocked.ts'
import { churn } from './churn.ts'
import { closed } from './closed.ts'
import { crash } from './crash.ts'
import { descriptors } from './descriptors.ts'
import { disk } from './disk.ts'
import { endless } from './endless.ts'
import { forgery } from './forgery.ts'
import { guards } from './guards.ts'
import { isolation } from './isolation.ts'
import { noLines } from './no-lines.ts'
import { oracle } from './oracle.ts'
import { scripts } from './scripts.ts'
import { stop } from './stop.ts'
import { telnet } from './telnet.ts'

export const figures: readonly Figure[] = [
  isolation,
  forgery,
  oracle,
  telnet,
  endless,
  churn,
  descriptors,
  crash,
  disk,
  guards,
  stop,
  closed,
  noLines,
  scripts,
  blocked,
]
