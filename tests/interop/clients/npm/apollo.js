import assert from 'node:assert'
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client'

const documentOf = name => gql(JSON.parse(process.env[name]).query)
const client = new ApolloClient({
  link: new HttpLink({ uri: process.env.GRAPHQL_URL }),
  cache: new InMemoryCache(),
  defaultOptions: { query: { fetchPolicy: 'network-only' } },
})

const balance = async () => (await client.query({ query: documentOf('BALANCE') })).data.Cards.data[0].balance
assert.equal(await balance(), 10000)
const { data } = await client.mutate({ mutation: documentOf('REDEMPTION') })
assert.equal(data.createBalanceAdjustment.value, -1)
assert.equal(await balance(), 9999)
await assert.rejects(client.query({ query: gql`{ noSuchField }` }))
client.stop()
console.log('OK')
