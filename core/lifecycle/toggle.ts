/** Works out which plugins of a config have a place once one of them has been switched on or off. */
import { errors } from '../support/errors.ts'
import { didYouMean } from '../support/suggest.ts'
import type { ValidatedPlugin, Instance } from './validate-plugins.ts'

/**
 * In the order of the config. A failed plugin keeps its place until it is named itself. Throws `PLUGIN_UNKNOWN`, or
 * `PLUGIN_REQUIRED` when others need it or it needs others.
 */
export function toggled(
  listed: readonly ValidatedPlugin[],
  owners: readonly Instance[],
  name: string,
  on: boolean,
): readonly ValidatedPlugin[] {
  const names = listed.map(({ plugin }) => plugin.name)
  const asked = listed.find(({ plugin }) => plugin.name === name)?.plugin
  if (asked === undefined) throw errors.pluginUnknown(name, didYouMean(name, names))
  const places = new Set(owners.map((owner) => owner.name))
  const running = owners.filter(({ active }) => active)
  if (on) {
    const lacking = asked.requires.filter(
      (required) => !running.some((one) => one.name === required),
    )
    if (lacking.length > 0) throw errors.pluginNeeds(name, lacking)
    places.add(name)
  } else {
    const users = running.filter(({ validated }) => validated.plugin.requires.includes(name))
    if (users.length > 0)
      throw errors.pluginRequired(
        name,
        users.map((owner) => owner.name),
      )
    places.delete(name)
  }
  return listed.filter(({ plugin }) => places.has(plugin.name))
}
