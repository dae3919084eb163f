// A GraphQL API of graphql-yoga behind node's own TLS, with the token rules of the gift-card API: a login in
// GraphQL, the token in response headers, HTTP 200 with "Unauthorized" for a bad one, and a new one now and then.
//
//   node server.js CERTIFICATE_FILE KEY_FILE PASSWORD_FILE
//
// Prints "listening on URL" once it does.
import { createServer } from 'node:https'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createGraphQLError, createSchema, createYoga } from 'graphql-yoga'

const [certificateFile, keyFile, passwordFile] = process.argv.slice(2)
const password = readFileSync(passwordFile, 'utf8').trimEnd()
const answersPerToken = 5
let good = new Set()
let answers = 0
let logins = 0

function issue(response) {
  const token = randomBytes(24).toString('hex')
  good.add(token)
  response.setHeader('X-Authorization', token)
  response.setHeader('Authorization', `Bearer ${token}`)
}

const typeDefs = /* GraphQL */ `
  scalar File
  type User { id: ID! }
  type Receipt { id: ID!, value: Int!, note: String }
  type Counts { logins: Int! }
  type Query {
    loginUser(email: String, username: String, password: String!): User
    echo(text: String!): String!
    failing: String
    counts: Counts!
  }
  type Mutation {
    redeem(value: Int!, note: String): Receipt!
    upload(file: File!): String!
    revokeAll: Boolean!
  }
  type Subscription { countdown(from: Int!): Int! }
`

const resolvers = {
  Query: {
    loginUser(_, given, { res }) {
      if (given.username !== 'till-042' || given.password !== password) {
        throw createGraphQLError('Wrong user name or password')
      }
      logins += 1
      issue(res)
      return { id: '1042' }
    },
    echo: (_, { text }) => text,
    failing() {
      throw createGraphQLError('validation', { extensions: { validation: { currency: ['This field is required'] } } })
    },
    counts: () => ({ logins }),
  },
  Mutation: {
    redeem: (_, { value, note }) => ({ id: '7', value, note }),
    upload: async (_, { file }) => `${file.name}: ${await file.text()}`,
    revokeAll() {
      good = new Set()
      return true
    },
  },
  Subscription: {
    countdown: {
      async *subscribe(_, { from }) {
        for (let i = from; i >= 0; i -= 1) {
          yield { countdown: i }
        }
      },
    },
  },
}

const isLogin = document =>
  document.definitions.every(definition =>
    definition.kind === 'OperationDefinition' &&
    definition.selectionSet.selections.every(field => field.name?.value === 'loginUser'))

/** Nothing but a login runs without a good token. */
const requireToken = {
  onExecute: ({ args, setResultAndStopExecution }) => check(args, setResultAndStopExecution),
  onSubscribe: ({ args, setResultAndStopExecution }) => check(args, setResultAndStopExecution),
}

function check({ document, contextValue: { req, res } }, stop) {
  if (isLogin(document)) {
    return
  }
  const token = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1]
  if (!good.has(token)) {
    stop({ errors: [createGraphQLError('Unauthorized')] })
    return
  }
  answers += 1
  if (answers % answersPerToken === 0 && !res.headersSent) {
    issue(res)
  }
}

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  plugins: [requireToken],
  batching: true,
  graphiql: false,
  landingPage: false,
  logging: false,
})
const tls = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }
const server = createServer(tls, yoga)
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on https://localhost:${server.address().port}/graphql`)
})
