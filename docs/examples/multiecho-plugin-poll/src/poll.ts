/** Polls: one client asks, everyone votes, and after a while everyone is told the result. */
import { definePlugin, z } from 'multiecho'

interface Poll {
  readonly question: string
  readonly votes: { yes: number; no: number }
}

export const poll = definePlugin({
  name: 'acme:poll',
  apiVersion: 1,
  options: z
    .strictObject({
      /** Minutes for which a poll is open. */
      minutes: z.number().min(0.1).max(60).default(2),
    })
    .prefault({}),
  setup(host, { minutes }) {
    let open: Poll | undefined
    /** The poll in which a client voted last. */
    const state = host.clientState((): { voted: Poll | undefined } => ({ voted: undefined }))

    const close = ({ question, votes }: Poll): void => {
      open = undefined
      host.broadcast(`poll: ${question} ${votes.yes} yes, ${votes.no} no`)
    }

    host.command({
      name: 'poll',
      help: 'Ask everyone a question.',
      args: { question: z.string().max(200) },
      rest: true,
      examples: [
        { type: '/poll Pizza today?', sees: /^ada asks: Pizza today\? / },
        { type: ['/poll Pizza today?', '/poll Tea?'], sees: 'there already is a poll' },
      ],
      run({ client, args: { question } }) {
        if (open !== undefined) return `there already is a poll: ${open.question}`
        const asked: Poll = { question, votes: { yes: 0, no: 0 } }
        open = asked
        host.setTimeout(() => close(asked), minutes * 60_000)
        host.broadcast(`${client.name} asks: ${question} Type /vote yes or /vote no.`)
        return undefined
      },
    })

    host.command({
      name: 'vote',
      help: 'Vote in the open poll.',
      args: { answer: z.enum(['yes', 'no']) },
      examples: [
        { type: ['/poll Pizza today?', '/vote yes'], sees: 'you have voted yes' },
        { type: '/vote no', sees: 'there is no poll' },
      ],
      run({ client, args: { answer } }) {
        if (open === undefined) return 'there is no poll; begin one with /poll'
        const mine = state.get(client)
        if (mine.voted === open) return 'you have voted already'
        mine.voted = open
        open.votes[answer]++
        return `you have voted ${answer}`
      },
    })
  },
})
