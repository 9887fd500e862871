/** Which plugins of a config run once one of them has been switched on or off. */
import type { CheckedPlugin } from './check-plugins.ts'
import { errors } from './errors.ts'
import { didYouMean } from './nearest.ts'
import type { Owner } from './owner.ts'

/** In the order of the config. Throws `PLUGIN_UNKNOWN`, or `PLUGIN_REQUIRED` where others need it or it needs others. */
export function switched(
  listed: readonly CheckedPlugin[],
  owners: readonly Owner[],
  name: string,
  on: boolean,
): readonly CheckedPlugin[] {
  const names = listed.map(({ plugin }) => plugin.name)
  const asked = listed.find(({ plugin }) => plugin.name === name)?.plugin
  if (asked === undefined) throw errors.pluginUnknown(name, didYouMean(name, names))
  const running = new Set(owners.map((owner) => owner.name))
  if (on) {
    const off = asked.requires.filter((required) => !running.has(required))
    if (off.length > 0) throw errors.pluginNeeds(name, off)
    running.add(name)
  } else {
    const users = owners.filter(({ checked }) => checked.plugin.requires.includes(name))
    if (users.length > 0)
      throw errors.pluginRequired(
        name,
        users.map((owner) => owner.name),
      )
    running.delete(name)
  }
  return listed.filter(({ plugin }) => running.has(plugin.name))
}
