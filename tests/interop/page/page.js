// The status page in a browser, in every state, wide and narrow, light and dark: no violation of axe-core's rules, nothing
// that is wider than the page, no error in the console, and charts that begin with what the daemon remembers.
//
//   node page.js ADMIN_URL CHROMIUM [FOLDER]      FOLDER: where the screenshots go
//
// The daemon behind ADMIN_URL has transactions of unknown outcome and unheard ones. Its own state is one of the states; the
// others are its /status.json with some of it replaced. Prints each finding, and OK if there is none.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const [url, program, folder] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const real = await (await fetch(new URL('status.json', url))).json()

const failed = { last_result: 'unavailable', last_reason: 'HTTP status 503', next_try_s: 8 }
const rejected = { last_result: 'rejected', last_reason: 'Wrong user name or password', next_try_s: 250 }
const noToken = (state) => ({ ...real.token, state, expires_in_s: null })
const quiet = { ...real.journal, unresolved: 0, unheard: 0, listed: [] }
const fault = '/etc/bearerd/bearerd.yaml:12:3: upstream.tls.ca_file: /etc/ssl/a-name-without-any-blank-in-it.pem can’t be used'
const item = real.journal.listed[0]
const summary = (level, title, text, advice) => ({ level, title, text, advice })

// Each with what replaces the daemon's own; null: no answer.
const states = {
  open: {},
  working: { summary: summary('good', 'Working', 'Logged in as till-042.', ''), journal: quiet },
  'no journal': { summary: summary('good', 'Working', 'Logged in as till-042.', ''), journal: null },
  'logging in': {
    summary: summary('busy', 'Logging in', 'bearerd is logging in till-042; requests wait for it.', ''),
    token: noToken('logging_in'),
    journal: quiet,
  },
  stopping: { summary: summary('busy', 'Stopping', 'bearerd is shutting down.', 'Have it started again.'), journal: quiet },
  'login rejected': {
    summary: summary('bad', 'Login rejected', 'The gift card service does not accept the user name or password.', 'Correct it.'),
    token: noToken('rejected'),
    login: rejected,
  },
  'login unavailable': {
    summary: summary('bad', 'Login unavailable', 'The gift card service could not log in till-042.', 'Call its support.'),
    token: noToken('backing_off'),
    login: failed,
  },
  'upstream down': {
    summary: summary('bad', 'Certificate unknown', 'The gift card service can’t be reached.', 'Have the network checked.'),
    upstream: { ...real.upstream, reachable: false, last_error: 'certificate verify failed: self-signed', last_error_age_s: 4 },
  },
  'not renewed': {
    summary: summary('warning', 'Working', 'Logged in, but the login can’t be renewed.', 'bearerd tries again by itself.'),
    login: failed,
  },
  'rejected file': {
    summary: summary('warning', 'Working', `The changed configuration was rejected: ${fault}.`, 'Correct the file.'),
    configuration: { last_reload_successful: false, rejected: fault },
  },
  'long keys': {
    journal: {
      ...real.journal,
      working: false,
      listed: [...Array(30).keys()].map((i) => ({ ...item, key: `${'0123456789-'.repeat(12)}${i}`, request_id: 'f'.repeat(64) })),
    },
  },
  'every outcome': {
    requests: {
      ...real.requests,
      by_outcome: Object.fromEntries(Object.keys(real.requests.by_outcome).map((name, i) => [name, i * 1234567])),
    },
  },
  'no answer': null,
}

const findings = []
const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'] })

/** The charts have lines at the first answer: the daemon remembers what was before. */
async function chartsBegin(page) {
  return page.evaluate(() => (document.querySelector('#rate-chart .half')?.getAttribute('d') ?? '') !== '')
}

async function look(page, where) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (wide > 0) findings.push(`${where}: ${wide} pixels wider than the page`)
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }))
  for (const { id, help, nodes } of violations) findings.push(`${where}: ${id}: ${help}: ${nodes[0].html}`)
  if (folder) await page.screenshot({ path: `${folder}/${where.replaceAll(' ', '-')}.png`, fullPage: true })
}

async function lookAtState(page, name) {
  const replaced = states[name]
  const errors = []
  page.on('pageerror', (error) => errors.push(`${error}`))
  page.on('console', (message) => {
    if (message.type() === 'error' && replaced !== null) errors.push(message.text())
  })
  await page.route('**/status.json', (route) =>
    replaced === null ? route.abort() : route.fulfill({ json: { ...real, ...replaced } }))
  await page.goto(url)
  const title = replaced === null ? 'No answer' : (replaced.summary ?? real.summary).title
  await page.locator('#title', { hasText: title }).waitFor()
  if (replaced !== null && !(await chartsBegin(page))) findings.push(`${name}: the charts are empty`)
  await page.evaluate(axe)
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 900 })
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      await look(page, `${name} ${width} ${colorScheme}`)
    }
  }
  for (const error of errors) findings.push(`${name}: ${error}`)
}

const context = await browser.newContext()
for (const name of Object.keys(states)) {
  const page = await context.newPage()
  await lookAtState(page, name)
  await page.close()
}
await browser.close()
for (const finding of findings) console.log(finding)
if (findings.length === 0) console.log('OK')
