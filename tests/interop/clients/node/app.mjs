import assert from 'node:assert'
import http from 'node:http'

const url = process.env.GRAPHQL_URL
const agent = new http.Agent({ keepAlive: true })

const withFetch = async body =>
  (await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })).text()

const withHttp = body => new Promise((resolve, reject) => {
  const request = http.request(url, { agent, method: 'POST' }, async response => {
    response.setEncoding('utf8')
    resolve((await response.toArray()).join(''))
  })
  request.on('error', reject)
  request.write(body.slice(0, 10)) // so that it is sent in chunks
  request.end(body.slice(10))
})

const ask = process.argv[2] === 'fetch' ? withFetch : withHttp
assert.match(await ask(process.env.BALANCE), /"balance":10000/)
assert.match(await ask(process.env.REDEMPTION), /"value":-1/)
assert.match(await ask(process.env.BALANCE), /"balance":9999/)
assert.match(await ask(process.env.LARGE), /"balance":9999/)
agent.destroy()
console.log('OK')
