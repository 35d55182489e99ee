// Does with fhir-kit-client what it offers; prints what failed, as JSON, and how many things it did.
import { pathToFileURL } from 'node:url'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

const [folder, baseUrl, token] = process.argv.slice(2)
const { default: Found, ...rest } = await import(
  pathToFileURL(`${folder}/node_modules/fhir-kit-client/dist/index.js`)
)
const Client = Found ?? rest.Client ?? rest.FhirClient
const client = new Client({ baseUrl, bearerToken: token })
const system = `urn:uuid:${randomUUID()}`
const made = []

const patient = (n, more = {}) => ({
  resourceType: 'Patient',
  identifier: [{ system, value: String(n) }],
  name: [{ family: 'Phạm', given: [`Thử ${n}`] }],
  ...more,
})

async function refused (status, call) {
  try {
    await call()
  } catch (error) {
    assert.equal(error.response.status, status)
    assert.equal(error.response.data.resourceType, 'OperationOutcome')
    return
  }
  assert.fail(`expected ${status}`)
}

const steps = {
  async capability () {
    const statement = await client.capabilityStatement()
    assert.equal(statement.fhirVersion, '4.0.1')
  },
  async create () {
    for (let n = 0; n < 12; n++) made.push(await client.create({ resourceType: 'Patient', body: patient(n) }))
    assert.equal(made[0].meta.versionId, '1')
  },
  async read () {
    const found = await client.read({ resourceType: 'Patient', id: made[0].id })
    assert.equal(found.name[0].given[0], 'Thử 0')
  },
  async update () {
    const body = { ...made[0], gender: 'female' }
    const found = await client.update({ resourceType: 'Patient', id: made[0].id, body })
    assert.equal(found.meta.versionId, '2')
  },
  async conditionalUpdate () {
    const found = await client.update({
      resourceType: 'Patient', searchParams: { identifier: `${system}|1` }, body: patient(1, { gender: 'male' }),
    })
    assert.equal(found.id, made[1].id)
  },
  async conditionalCreate () {
    const options = { headers: { 'If-None-Exist': `identifier=${system}|2` } }
    const found = await client.create({ resourceType: 'Patient', body: patient(2), options })
    assert.equal(found.id, made[2].id)
  },
  async vread () {
    const found = await client.vread({ resourceType: 'Patient', id: made[0].id, version: '1' })
    assert.equal(found.gender, undefined)
  },
  async patch () {
    const jsonPatch = [{ op: 'add', path: '/active', value: true }]
    const found = await client.patch({ resourceType: 'Patient', id: made[3].id, jsonPatch })
    assert.equal(found.active, true)
  },
  async resourceHistory () {
    const found = await client.resourceHistory({ resourceType: 'Patient', id: made[0].id })
    assert.equal(found.entry.length, 2)
  },
  async typeHistory () {
    assert.equal((await client.typeHistory({ resourceType: 'Patient' })).type, 'history')
  },
  async systemHistory () {
    assert.equal((await client.systemHistory()).type, 'history')
  },
  async search () {
    const found = await client.resourceSearch({ resourceType: 'Patient', searchParams: { identifier: `${system}|5` } })
    assert.deepEqual(found.entry.map((e) => e.resource.id), [made[5].id])
  },
  async postSearch () {
    const found = await client.resourceSearch({
      resourceType: 'Patient', searchParams: { identifier: `${system}|5` }, options: { postSearch: true },
    })
    assert.equal(found.total, 1)
  },
  async pages () {
    let page = await client.resourceSearch({
      resourceType: 'Patient', searchParams: { identifier: `${system}|`, _count: 5 },
    })
    const ids = new Set()
    while (page) {
      for (const entry of page.entry) ids.add(entry.resource.id)
      page = await client.nextPage({ bundle: page })
    }
    assert.equal(ids.size, 12)
  },
  async include () {
    await client.create({
      resourceType: 'Encounter',
      body: {
        resourceType: 'Encounter', status: 'finished', class: { code: 'AMB' },
        subject: { reference: `Patient/${made[4].id}` },
      },
    })
    const found = await client.resourceSearch({
      resourceType: 'Encounter', searchParams: { patient: made[4].id, _include: 'Encounter:subject' },
    })
    assert.deepEqual(found.entry.map((e) => e.resource.resourceType), ['Encounter', 'Patient'])
  },
  async compartmentSearch () {
    const found = await client.compartmentSearch({
      resourceType: 'Encounter', compartment: { resourceType: 'Patient', id: made[4].id },
    })
    assert.equal(found.total, 1)
  },
  async systemSearch () {
    const found = await client.systemSearch({ searchParams: { _type: 'Patient,Encounter', _id: made[4].id } })
    assert.equal(found.entry.length, 1)
  },
  async resolve () {
    const found = await client.resolve({ reference: `Patient/${made[4].id}` })
    assert.equal(found.id, made[4].id)
  },
  async operation () {
    const found = await client.operation({ name: 'everything', resourceType: 'Patient', id: made[4].id, method: 'GET' })
    assert.ok(found.entry.length >= 2)
  },
  async transaction () {
    const entry = [100, 101].map((n) => ({ request: { method: 'POST', url: 'Patient' }, resource: patient(n) }))
    const found = await client.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry } })
    assert.deepEqual(found.entry.map((e) => e.response.status.slice(0, 3)), ['201', '201'])
  },
  async batch () {
    const entry = [`Patient/${made[0].id}`, 'Patient/none'].map((url) => ({ request: { method: 'GET', url } }))
    const found = await client.batch({ body: { resourceType: 'Bundle', type: 'batch', entry } })
    assert.deepEqual(found.entry.map((e) => e.response.status.slice(0, 3)), ['200', '404'])
  },
  async delete () {
    await client.delete({ resourceType: 'Patient', id: made[6].id })
    await refused(410, () => client.read({ resourceType: 'Patient', id: made[6].id }))
  },
  async refusals () {
    await refused(404, () => client.read({ resourceType: 'Patient', id: 'none' }))
    await refused(400, () => client.resourceSearch({ resourceType: 'Patient', searchParams: { nonsense: '1' } }))
    await refused(422, () => client.create({ resourceType: 'Patient', body: patient(200, { birthDate: 'yesterday' }) }))
    const stranger = new Client({ baseUrl, bearerToken: 'none' })
    await refused(401, () => stranger.read({ resourceType: 'Patient', id: made[0].id }))
  },
}

const failed = {}
for (const [name, step] of Object.entries(steps)) {
  try {
    await step()
  } catch (error) {
    failed[name] = `${error.message} ${JSON.stringify(error.response?.data ?? '')}`.slice(0, 1000)
  }
}
console.log(JSON.stringify({ total: Object.keys(steps).length, failed }))
