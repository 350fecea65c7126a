// ioredis over TLS: ready check, pipelines, errors, reconnection. Usage: ioredis.js PORT CERTIFICATE_FOLDER
const assert = require('assert');
const Redis = require('ioredis');
const { tls: readTls, run } = require('./tls_options');

const [port, certs] = [Number(process.argv[2]), process.argv[3]];
const tls = readTls(certs);

async function main() {
  const client = new Redis({ host: '127.0.0.1', port, tls, connectionName: 'ioredis-test', db: 2 });
  const errors = [];
  client.on('error', (error) => errors.push(error.message));
  await new Promise((resolve) => client.once('ready', resolve));
  assert.strictEqual(await client.ping(), 'PONG');
  assert.strictEqual(await client.client('GETNAME'), 'ioredis-test');
  assert.strictEqual(await client.set('key', 'value', 'EX', 100), 'OK');
  assert.strictEqual(await client.get('key'), 'value');
  assert.ok((await client.ttl('key')) > 90);
  assert.strictEqual(await client.get('nosuch'), null);
  const binary = Buffer.from(Array.from({ length: 100000 }, (_, i) => i % 256));
  await client.set('binary', binary);
  assert.ok(binary.equals(await client.getBuffer('binary')));

  const pipeline = client.pipeline();
  for (let i = 0; i < 1000; i++) pipeline.set(`p${i}`, i).get(`p${i}`);
  const replies = await pipeline.exec();
  replies.forEach(([error, reply], i) => {
    assert.strictEqual(error, null);
    assert.strictEqual(reply, i % 2 ? String((i - 1) / 2) : 'OK');
  });

  await Promise.all(Array.from({ length: 500 }, () => client.incr('counter')));
  assert.strictEqual(await client.get('counter'), '500');
  await assert.rejects(client.incr('key'), /ERR value is not an integer or out of range/);
  await assert.rejects(client.call('nosuchcommand'), /ERR unknown command/);

  const seen = new Set();
  for await (const keys of client.scanStream({ match: 'p*', count: 100 })) keys.forEach((k) => seen.add(k));
  assert.strictEqual(seen.size, 1000);

  const id = await client.client('ID');
  const other = new Redis({ host: '127.0.0.1', port, tls });
  await other.client('KILL', 'ID', id);
  await new Promise((resolve) => client.once('ready', resolve));
  assert.strictEqual(await client.get('counter'), '500');
  assert.deepStrictEqual(errors, []);
  await other.flushall();
  await other.quit();
  await client.quit();
}

run(main);
