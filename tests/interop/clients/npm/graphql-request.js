import assert from 'node:assert'
import { GraphQLClient } from 'graphql-request'

const documentOf = name => JSON.parse(process.env[name]).query
const client = new GraphQLClient(process.env.GRAPHQL_URL)

const balance = async () => (await client.request(documentOf('BALANCE'))).Cards.data[0].balance
assert.equal(await balance(), 10000)
assert.equal((await client.request(documentOf('REDEMPTION'))).createBalanceAdjustment.value, -1)
assert.equal(await balance(), 9999)
await assert.rejects(client.request('{ noSuchField }'), error => error.response.errors.length === 1)
console.log('OK')
