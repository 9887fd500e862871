/** The named audiences: everyone who asks for a name gets the same one, and unused ones are garbage-collected. */
import type { Delivery } from '../delivery/delivery.ts'
import { Group } from '../delivery/recipient-groups.ts'
import { FilledAudience, type NamedAudience } from './audience.ts'

export function createAudiences(
  everyone: Group,
  delivery: Delivery,
): (name: string) => NamedAudience {
  // Names come from strangers. A member holds its groups and a group its audience, so an audience that has members or
  // is held by a plugin stays; any other may be collected.
  const audiences = new Map<string, WeakRef<FilledAudience>>()
  const forget = new FinalizationRegistry<string>((name) => {
    if (audiences.get(name)?.deref() === undefined) audiences.delete(name)
  })
  return (name) => {
    const known = audiences.get(name)?.deref()
    if (known !== undefined) return known
    const audience = new FilledAudience(name, everyone, new Group(), delivery)
    audiences.set(name, new WeakRef(audience))
    forget.register(audience, name)
    return audience
  }
}
