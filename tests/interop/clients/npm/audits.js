// The audits of graphql-http (the GraphQL over HTTP specification), of one server by two ways.
//
//   node audits.js DIRECT_URL PROXIED_URL PASSWORD_FILE     (NODE_EXTRA_CA_CERTS: who signed DIRECT_URL)
//
// Prints how many audits there were, and each that came out differently.
import { readFileSync } from 'node:fs'
import { serverAudits } from 'graphql-http'

const [direct, proxied, passwordFile] = process.argv.slice(2)
const login = await fetch(direct, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    query: 'query($username:String,$password:String!){loginUser(username:$username,password:$password){id}}',
    variables: { username: 'till-042', password: readFileSync(passwordFile, 'utf8').trimEnd() },
  }),
})
const token = login.headers.get('X-Authorization')

const withToken = (url, init = {}) => fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } })

const results = new Map()
for (const audit of serverAudits({ url: direct, fetchFn: withToken })) {
  results.set(audit.id, { name: audit.name, direct: await audit.fn() })
}
for (const audit of serverAudits({ url: proxied, fetchFn: fetch })) {
  results.get(audit.id).proxied = await audit.fn()
}
let passed = 0
for (const [id, { name, direct: expected, proxied: seen }] of results) {
  passed += expected.status === 'ok' ? 1 : 0
  if (expected.status !== seen.status) {
    console.log(`DIFFERENT ${id} ${name}: ${expected.status} ${expected.reason ?? ''} / ${seen.status} ${seen.reason ?? ''}`)
  }
}
console.log(`AUDITS ${results.size}, OK ${passed}`)
