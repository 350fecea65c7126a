// express-session on connect-redis: two applications share the sessions of 40 visitors.
// Usage: sessions.js PORT CERTIFICATE_FOLDER
const assert = require('assert');
const http = require('http');
const express = require('express');
const session = require('express-session');
const { RedisStore } = require('connect-redis');
const { createClient } = require('redis');
const { tls, until, run } = require('./tls_options');

const [port, certs] = [Number(process.argv[2]), process.argv[3]];
const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });

async function connect() {
  const client = createClient({ socket: { host: '127.0.0.1', port, tls: true, ...tls(certs) } });
  client.on('error', (error) => { throw error; });
  await client.connect();
  return client;
}

async function application(client, ttl) {
  const app = express();
  const store = new RedisStore({ client, prefix: `shop${ttl}:`, ttl });
  app.use(session({ store, secret: 'a test', resave: false, saveUninitialized: false }));
  app.get('/add/:item', (request, response) => {
    request.session.cart = [...(request.session.cart || []), request.params.item];
    response.json(request.session.cart);
  });
  app.get('/cart', (request, response) => response.json(request.session.cart || null));
  app.get('/leave', (request, response) => request.session.destroy((error) => response.json(!error)));
  app.get('/login', (request, response) => {
    const { cart } = request.session;
    request.session.regenerate(() => {
      request.session.cart = cart;
      response.json(request.sessionID);
    });
  });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { server, store, port: server.address().port };
}

class Visitor {
  get(app, path) {
    return new Promise((resolve, reject) => {
      const headers = this.cookie ? { cookie: this.cookie } : {};
      http.get({ host: '127.0.0.1', port: app.port, path, headers, agent }, (response) => {
        let text = '';
        for (const cookie of response.headers['set-cookie'] || []) [this.cookie] = cookie.split(';');
        response.on('data', (part) => { text += part; });
        response.on('end', () => (response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text))));
      }).on('error', reject);
    });
  }
}

async function shop(apps, client) {
  const visitors = Array.from({ length: 40 }, () => new Visitor());
  await Promise.all(visitors.map(async (visitor, number) => {
    const cart = [];
    for (let i = 0; i < 20; i++) {
      cart.push(`${number}-${i}`);
      assert.deepStrictEqual(await visitor.get(apps[i % 2], `/add/${number}-${i}`), cart);
    }
    assert.deepStrictEqual(await visitor.get(apps[1], '/cart'), cart);
  }));
  assert.strictEqual(await apps[0].store.length(), 40);
  assert.strictEqual((await apps[1].store.all()).length, 40);

  // A request that changes nothing touches: the session lives as long again.
  const [key] = (await client.keys('shop100:*')).sort();
  await client.expire(key, 5);
  await Promise.all(visitors.map((visitor) => visitor.get(apps[0], '/cart')));
  assert.ok((await client.ttl(key)) > 90);

  const before = visitors[0].cookie;
  await visitors[0].get(apps[0], '/login');
  assert.notStrictEqual(visitors[0].cookie, before);
  assert.strictEqual((await visitors[0].get(apps[1], '/cart')).length, 20);
  for (const visitor of visitors.slice(0, 10)) {
    assert.strictEqual(await visitor.get(apps[1], '/leave'), true);
    assert.strictEqual(await visitor.get(apps[0], '/cart'), null);
  }
  assert.strictEqual((await apps[0].store.ids()).length, 30);
  await apps[0].store.clear();
  assert.strictEqual(await apps[1].store.length(), 0);
}

async function expiry(app, client) {
  const visitor = new Visitor();
  await visitor.get(app, '/add/late');
  assert.deepStrictEqual(await visitor.get(app, '/cart'), ['late']);
  assert.strictEqual(await app.store.length(), 1);
  await until('the end of the session', async () => (await client.dbSize()) === 0);
  assert.strictEqual(await visitor.get(app, '/cart'), null);
}

run(async () => {
  const clients = [await connect(), await connect()];
  await clients[0].flushAll();
  const apps = await Promise.all(clients.map((client) => application(client, 100)));
  const brief = await application(clients[0], 1);
  await shop(apps, clients[0]);
  await expiry(brief, clients[1]);
  agent.destroy();
  for (const app of [...apps, brief]) app.server.close();
  await Promise.all(clients.map((client) => client.close()));
});
