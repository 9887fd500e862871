/** The named audiences: the same one for everybody who asks for a name while it is in use, and none kept that is not. */
import { FilledAudience, type NamedAudience } from './audience.ts'
import { Group, type Delivery } from './delivery.ts'

export function createAudiences(
  everyone: Group,
  delivery: Delivery,
): (name: string) => NamedAudience {
  // Names come from strangers. A member holds its groups and a group its audience, so one that is filled or held by
  // a plugin stays, and any other can go.
  const audiences = new Map<string, WeakRef<FilledAudience>>()
  const audienceOf = new WeakMap<Group, FilledAudience>()
  const forget = new FinalizationRegistry<string>((name) => {
    if (audiences.get(name)?.deref() === undefined) audiences.delete(name)
  })
  return (name) => {
    const known = audiences.get(name)?.deref()
    if (known !== undefined) return known
    const group = new Group()
    const audience = new FilledAudience(name, everyone, group, delivery)
    audienceOf.set(group, audience)
    audiences.set(name, new WeakRef(audience))
    forget.register(audience, name)
    return audience
  }
}
