// Lets two libraries that other people wrote (openid-client, oauth4webapi) speak with the authorization
// server of a node, with fetch as the browser; prints what failed, as JSON, and how many things were done.
import { pathToFileURL } from 'node:url'
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'

const [folder, given] = process.argv.slice(2)
const { base, cookie, back, pub, secretive, backend, resource } = JSON.parse(given)
const load = (path) => import(pathToFileURL(`${folder}/node_modules/${path}`))
const oidc = await load('openid-client/build/index.js')
const oauth = await load('oauth4webapi/build/index.js')
const issuer = new URL(base)
const fhir = `${base}/fhir`
const failed = {}
let total = 0

async function can (name, act) {
  total += 1
  try {
    await act()
  } catch (problem) {
    failed[name] = `${problem?.stack ?? problem} ${JSON.stringify(problem?.cause ?? '')}`.slice(0, 1500)
  }
}

// The person: opens the page, leaves every tick as it is, presses "Allow"; returns where she is sent.
async function allow (url, decision = 'allow') {
  const page = await fetch(url, { headers: { cookie }, redirect: 'manual' })
  if (page.status === 303) return new URL(page.headers.get('location'), base)
  const text = await page.text()
  assert.equal(page.status, 200, text.slice(0, 500))
  const form = text.split('id="consent"')[1].split('</form>')[0]
  const fields = new URLSearchParams()
  for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(tag)?.[1]
    const value = /value="([^"]*)"/.exec(tag)?.[1]?.replaceAll('&amp;', '&')
    if (name && value && (tag.includes('type="hidden"') || tag.includes(' checked'))) fields.append(name, value)
  }
  fields.append('decision', decision)
  fields.append('lasting', 'month')
  const answer = await fetch(`${base}/oauth/decide`, {
    method: 'POST', body: fields, headers: { cookie, origin: base }, redirect: 'manual'
  })
  assert.equal(answer.status, 303, (await answer.text()).slice(0, 500))
  return new URL(answer.headers.get('location'))
}

const SCOPE = 'openid profile fhirUser launch/patient patient/*.rs offline_access'
const insecure = { execute: [oidc.allowInsecureRequests] }

async function config (program, authentication) {
  return await oidc.discovery(issuer, program.id, undefined, authentication ?? oidc.None(), insecure)
}

async function begin (settings, more = {}) {
  const verifier = oidc.randomPKCECodeVerifier()
  const parameters = {
    redirect_uri: back, scope: SCOPE, aud: fhir, state: oidc.randomState(), nonce: oidc.randomNonce(),
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more
  }
  const checks = {
    pkceCodeVerifier: verifier, expectedState: parameters.state, expectedNonce: parameters.nonce,
    idTokenExpected: true
  }
  return { parameters, checks }
}

let tokens
await can('openid-client: discovery', async () => {
  const settings = await config(pub)
  const metadata = settings.serverMetadata()
  assert.equal(metadata.issuer, base)
  assert.ok(metadata.supportsPKCE())
})
await can('openid-client: code, tokens and the claims of the person', async () => {
  const settings = await config(pub)
  const { parameters, checks } = await begin(settings)
  const answer = await allow(oidc.buildAuthorizationUrl(settings, parameters))
  tokens = await oidc.authorizationCodeGrant(settings, answer, checks)
  const claims = tokens.claims()
  assert.equal(claims.aud, pub.id)
  assert.ok(claims.fhirUser.startsWith(`${fhir}/Patient/`))
  assert.ok(tokens.patient)
  const told = await oidc.fetchUserInfo(settings, tokens.access_token, claims.sub)
  assert.equal(told.fhirUser, claims.fhirUser)
})
await can('openid-client: max_age and auth_time', async () => {
  const settings = await config(pub)
  const { parameters, checks } = await begin(settings, { max_age: '86400' })
  const answer = await allow(oidc.buildAuthorizationUrl(settings, parameters))
  await oidc.authorizationCodeGrant(settings, answer, { ...checks, maxAge: 86400 })
})
await can('openid-client: the token opens the FHIR base, for this patient', async () => {
  const settings = await config(pub)
  const answer = await oidc.fetchProtectedResource(
    settings, tokens.access_token, new URL(`${fhir}/Observation`), 'GET'
  )
  assert.equal(answer.status, 200)
  assert.equal((await answer.json()).resourceType, 'Bundle')
})
await can('openid-client: refresh', async () => {
  const settings = await config(pub)
  const before = tokens.refresh_token
  tokens = await oidc.refreshTokenGrant(settings, before)
  assert.notEqual(tokens.refresh_token, before)
})
await can('openid-client: a person refuses', async () => {
  const settings = await config(pub)
  const { parameters, checks } = await begin(settings)
  const answer = await allow(oidc.buildAuthorizationUrl(settings, parameters), 'deny')
  await assert.rejects(oidc.authorizationCodeGrant(settings, answer, checks), /authorization response from the server is an error/)
  assert.equal(answer.searchParams.get('error'), 'access_denied')
})
await can('openid-client: an answer of another server is refused', async () => {
  const settings = await config(pub)
  const { parameters, checks } = await begin(settings)
  const answer = await allow(oidc.buildAuthorizationUrl(settings, parameters))
  answer.searchParams.set('iss', 'https://evil.example')
  await assert.rejects(oidc.authorizationCodeGrant(settings, answer, checks))
})
await can('openid-client: pushed request, secret in the header', async () => {
  const settings = await config(secretive, oidc.ClientSecretBasic(secretive.secret))
  const { parameters, checks } = await begin(settings)
  const url = await oidc.buildAuthorizationUrlWithPAR(settings, parameters)
  assert.equal([...url.searchParams.keys()].sort().join(), 'client_id,request_uri')
  const found = await oidc.authorizationCodeGrant(settings, await allow(url), checks)
  assert.ok(found.id_token)
})
await can('openid-client: introspection and revocation', async () => {
  const asking = await config(resource, oidc.ClientSecretPost(resource.secret))
  assert.equal((await oidc.tokenIntrospection(asking, tokens.access_token)).active, true)
  await oidc.tokenRevocation(await config(pub), tokens.access_token)
  assert.equal((await oidc.tokenIntrospection(asking, tokens.access_token)).active, false)
})
await can('openid-client: sign out', async () => {
  const settings = await config(pub)
  const url = oidc.buildEndSessionUrl(settings, { post_logout_redirect_uri: back, id_token_hint: tokens.id_token })
  const answer = await fetch(url, { redirect: 'manual' })
  assert.equal(answer.headers.get('location').split('?')[0], back)
})
for (const [name, jwk, algorithm] of [
  ['RS384', backend.rsa, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' }],
  ['ES384', backend.ec, { name: 'ECDSA', namedCurve: 'P-384' }]
]) {
  await can(`openid-client: backend service, ${name}`, async () => {
    const pem = createPrivateKey({ key: jwk, format: 'jwk' }).export({ type: 'pkcs8', format: 'der' })
    const key = await crypto.subtle.importKey('pkcs8', pem, algorithm, false, ['sign'])
    const settings = await config(backend, oidc.PrivateKeyJwt({ key, kid: jwk.kid }))
    const found = await oidc.clientCredentialsGrant(settings, { scope: 'system/*.rs' })
    assert.equal(found.expires_in, 300)
    const answer = await fetch(`${fhir}/Patient?_count=1`, { headers: { authorization: `Bearer ${found.access_token}` } })
    assert.equal(answer.status, 200)
  })
}

// -- oauth4webapi: every step by hand -----------------------------------------------------------------
const open = { [oauth.allowInsecureRequests]: true }
let server
await can('oauth4webapi: discovery by RFC 8414 and OpenID Connect', async () => {
  for (const algorithm of ['oauth2', 'oidc']) {
    const answer = await oauth.discoveryRequest(issuer, { algorithm, ...open })
    server = await oauth.processDiscoveryResponse(issuer, answer)
  }
})
const client = { client_id: pub.id }
let granted
await can('oauth4webapi: code, PKCE, issuer of the answer, signature of the id token', async () => {
  const verifier = oauth.generateRandomCodeVerifier()
  const nonce = oauth.generateRandomNonce()
  const state = oauth.generateRandomState()
  const url = new URL(server.authorization_endpoint)
  const asked = {
    client_id: pub.id, redirect_uri: back, response_type: 'code', scope: SCOPE, aud: fhir, nonce, state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256'
  }
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value)
  const answer = oauth.validateAuthResponse(server, client, await allow(url), state)
  const response = await oauth.authorizationCodeGrantRequest(
    server, client, oauth.None(), answer, back, verifier, open
  )
  granted = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: nonce, requireIdToken: true
  })
  await oauth.validateApplicationLevelSignature(server, response, open)
  const again = await oauth.authorizationCodeGrantRequest(
    server, client, oauth.None(), answer, back, verifier, open
  )
  await assert.rejects(oauth.processAuthorizationCodeResponse(server, client, again), (problem) => problem.error === 'invalid_grant')
})
await can('oauth4webapi: a code used twice has ended its tokens', async () => {
  const answer = await oauth.userInfoRequest(server, client, granted.access_token, open)
  assert.equal(answer.status, 401)
  await assert.rejects(oauth.processUserInfoResponse(server, client, oauth.skipSubjectCheck, answer), oauth.WWWAuthenticateChallengeError)
  const refreshed = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), granted.refresh_token, open)
  await assert.rejects(oauth.processRefreshTokenResponse(server, client, refreshed), (problem) => problem.error === 'invalid_grant')
})
await can('oauth4webapi: a wrong secret', async () => {
  const program = { client_id: secretive.id }
  const answer = await oauth.clientCredentialsGrantRequest(
    server, program, oauth.ClientSecretBasic('wrong'), new URLSearchParams({ scope: 'system/*.rs' }), open
  )
  assert.equal(answer.status, 401)
  await assert.rejects(oauth.processClientCredentialsResponse(server, program, answer))
})

console.log(JSON.stringify({ total, failed }))
