// node-redis over TLS, RESP2 and RESP3. Usage: node-redis.js PORT CERTIFICATE_FOLDER
const assert = require('assert');
const { createClient } = require('redis');
const { tls, run: runMain } = require('./tls_options');

const [port, certs] = [Number(process.argv[2]), process.argv[3]];
const socket = { host: '127.0.0.1', port, tls: true, ...tls(certs) };

async function run(RESP) {
  const client = createClient({ socket, RESP, name: 'node-redis-test', database: 3 });
  const errors = [];
  client.on('error', (error) => errors.push(error.message));
  await client.connect();
  assert.strictEqual(await client.ping(), 'PONG');
  assert.strictEqual(await client.clientGetName(), 'node-redis-test');
  assert.strictEqual(await client.set('key', 'value', { EX: 100 }), 'OK');
  assert.strictEqual(await client.get('key'), 'value');
  assert.strictEqual(await client.get('nosuch'), null);
  assert.ok((await client.ttl('key')) > 90);

  const writes = Array.from({ length: 1000 }, (_, i) => client.set(`p${i}`, `${i}`.repeat(50)));
  await Promise.all(writes);
  const values = await Promise.all(Array.from({ length: 1000 }, (_, i) => client.get(`p${i}`)));
  values.forEach((value, i) => assert.strictEqual(value, `${i}`.repeat(50)));
  assert.deepStrictEqual(await client.mGet(['p1', 'nosuch']), ['1'.repeat(50), null]);

  await Promise.all(Array.from({ length: 500 }, () => client.incr('counter')));
  assert.strictEqual(await client.get('counter'), '500');
  await assert.rejects(client.incr('key'), /ERR value is not an integer or out of range/);

  const big = 'x'.repeat(2000000);
  await client.set('big', big);
  assert.strictEqual(await client.get('big'), big);
  assert.strictEqual((await client.configGet('databases')).databases, '16');
  assert.ok((await client.info('server')).includes('redis_version'));
  await client.flushAll();
  assert.deepStrictEqual(errors, []);
  await (client.close ? client.close() : client.quit());
}

runMain(async () => {
  await run(2);
  await run(3);
});
