// The OAuth2 server oidc-provider, certified by the OpenID Foundation, and a GraphQL API that takes its tokens.
//
//   node server.js CERTIFICATE_FILE KEY_FILE PASSWORD_FILE
//
// Prints "listening on URL" once it does. The password is the secret of both clients.
import { createServer } from 'node:https'
import { readFileSync } from 'node:fs'
import Provider from 'oidc-provider'

const [certificateFile, keyFile, passwordFile] = process.argv.slice(2)
const secret = readFileSync(passwordFile, 'utf8').trimEnd()
const server = createServer({ cert: readFileSync(certificateFile), key: readFileSync(keyFile) })
const counts = { tokens: 0, refusals: 0, served: 0, rejected: 0 }
let revoked = new Set()
let provider

const client = (id, method) => ({
  client_id: id,
  client_secret: secret,
  token_endpoint_auth_method: method,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  scope: 'read write',
})

async function api(request, response) {
  let text = ''
  for await (const piece of request) text += piece
  const { query } = JSON.parse(text)
  const value = (request.headers.authorization ?? '').replace(/^Bearer /, '')
  const token = value && !revoked.has(value) ? await provider.ClientCredentials.find(value) : undefined
  response.setHeader('Content-Type', 'application/json')
  if (query.includes('counts')) return response.end(JSON.stringify({ data: { counts } }))
  if (!token) {
    counts.rejected += 1
    response.statusCode = 401
    return response.end(JSON.stringify({ errors: [{ message: 'Unauthorized' }] }))
  }
  counts.served += 1
  if (query.includes('revoke')) revoked.add(value)
  response.end(JSON.stringify({ data: { me: { client: token.clientId, scope: token.scope ?? '' } } }))
}

server.listen(0, '127.0.0.1', () => {
  const url = `https://localhost:${server.address().port}`
  provider = new Provider(url, {
    clients: [client('till 042:a&b=c%+/d', 'client_secret_basic'), client('till-post', 'client_secret_post')],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    scopes: ['read', 'write'],
    ttl: { ClientCredentials: 6 },
    pkce: { required: () => false },
  })
  provider.on('grant.success', () => (counts.tokens += 1))
  provider.on('grant.error', () => (counts.refusals += 1))
  const oauth2 = provider.callback()
  server.on('request', (request, response) => (request.url === '/graphql' ? api : oauth2)(request, response))
  console.log(`listening on ${url}/graphql`)
})
