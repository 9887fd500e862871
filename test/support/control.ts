/** The other end of a control socket, as anybody could write it. */
import { connect } from 'node:net'
import { within } from './deadline.ts'

/** What a socket answers to a line. */
export function asked(path: string, line: string): Promise<string> {
  const answered = new Promise<string>((resolve, reject) => {
    let answer = ''
    const socket = connect(path, () => socket.write(`${line}\n`))
    socket.on('data', (chunk: Buffer) => {
      answer += String(chunk)
      if (answer.endsWith('\n')) socket.destroy()
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
  return within(answered, () => `${path} answers ${line}`)
}
