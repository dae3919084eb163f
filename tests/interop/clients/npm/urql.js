import assert from 'node:assert'
import { Client, fetchExchange } from '@urql/core'

const documentOf = name => JSON.parse(process.env[name]).query
const client = new Client({ url: process.env.GRAPHQL_URL, exchanges: [fetchExchange], preferGetMethod: false })

const balance = async () => (await client.query(documentOf('BALANCE'), {}).toPromise()).data.Cards.data[0].balance
assert.equal(await balance(), 10000)
const redeemed = await client.mutation(documentOf('REDEMPTION'), {}).toPromise()
assert.equal(redeemed.error, undefined)
assert.equal(redeemed.data.createBalanceAdjustment.value, -1)
assert.equal(await balance(), 9999)
const failed = await client.query('{ noSuchField }', {}).toPromise()
assert.equal(failed.error.graphQLErrors.length, 1)
console.log('OK')
