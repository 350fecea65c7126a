// ioredis over TLS: transactions, queues, messages, SORT, bits, HyperLogLog, geo, payloads.
// Usage: ioredis_data.js PORT CERTIFICATE_FOLDER
const assert = require('assert');
const Redis = require('ioredis');
const { tls, until, run } = require('./tls_options');

const [port, certs] = [Number(process.argv[2]), process.argv[3]];
const connect = (more) => new Redis({ host: '127.0.0.1', port, tls: tls(certs), ...more });

async function transactions(client) {
  const workers = Array.from({ length: 4 }, async () => {
    const own = connect();
    for (let done = 0; done < 25;) {
      await own.watch('account');
      const value = Number(await own.get('account'));
      if (await own.multi().set('account', value + 1).rpush('log', value + 1).exec()) done++;
    }
    await own.quit();
  });
  await Promise.all(workers);
  assert.strictEqual(await client.get('account'), '100');
  assert.deepStrictEqual(await client.lrange('log', 0, -1), Array.from({ length: 100 }, (_, i) => `${i + 1}`));
  const replies = await client.multi().set('text', 'a').incr('text').exec();
  assert.strictEqual(replies[0][1], 'OK');
  assert.match(replies[1][0].message, /not an integer/);
}

async function queues(client) {
  const taken = [];
  const consumers = Array.from({ length: 3 }, async () => {
    const own = connect();
    for (;;) {
      const [, item] = await own.blpop('queue', 15);
      if (item === 'end') break;
      taken.push(Number(item));
    }
    await own.quit();
  });
  for (let i = 0; i < 300; i++) await client.rpush('queue', i);
  await client.rpush('queue', 'end', 'end', 'end');
  await Promise.all(consumers);
  assert.deepStrictEqual(taken.sort((a, b) => a - b), Array.from({ length: 300 }, (_, i) => i));
  const own = connect();
  const waiting = own.bzpopmax('jobs', 15);
  await until('a blocked client', async () => /blocked_clients:1\r/.test(await client.info('clients')));
  await client.zadd('jobs', 1, 'low', 2, 'high');
  assert.deepStrictEqual(await waiting, ['jobs', 'high', '2']);
  await own.quit();
}

async function messages(client) {
  const [own, shards] = [connect(), connect()];
  const seen = [];
  own.on('message', (channel, text) => seen.push(`${channel} ${text}`));
  own.on('pmessage', (pattern, channel, text) => seen.push(`${pattern} ${channel} ${text}`));
  shards.on('smessage', (channel, text) => seen.push(`shard ${channel} ${text}`));
  assert.strictEqual(await own.subscribe('one', 'two'), 2);
  assert.strictEqual(await own.psubscribe('o*'), 3);
  assert.strictEqual(await shards.ssubscribe('part'), 1);
  for (let i = 0; i < 100; i++) {
    assert.strictEqual(await client.publish('one', `${i}`), 2);
    assert.strictEqual(await client.publish('two', `${i}`), 1);
    assert.strictEqual(await client.spublish('part', `${i}`), 1);
  }
  await until('all messages', () => seen.length === 400);
  for (const name of ['one', 'two', 'o* one', 'shard part']) {
    const texts = seen.filter((line) => line.replace(/ \d+$/, '') === name);
    assert.deepStrictEqual(texts, Array.from({ length: 100 }, (_, i) => `${name} ${i}`));
  }
  assert.deepStrictEqual(await client.pubsub('NUMSUB', 'one', 'none'), ['one', 1, 'none', 0]);
  // By name: without names the promise stays open in ioredis 6, whoever serves.
  await own.unsubscribe('one', 'two');
  await own.punsubscribe('o*');
  assert.strictEqual(await own.ping(), 'PONG');
  await own.quit();
  shards.disconnect();
}

async function values(client) {
  const numbers = Array.from({ length: 100 }, (_, i) => (i * 37) % 101);
  await client.rpush('numbers', ...numbers);
  const ordered = [...numbers].sort((a, b) => a - b).map(String);
  assert.deepStrictEqual(await client.sort('numbers'), ordered);
  await client.mset(...numbers.flatMap((n) => [`weight:${n}`, 1000 - n]));
  assert.deepStrictEqual(await client.sort('numbers', 'BY', 'weight:*', 'LIMIT', 0, 10), ordered.slice(-10).reverse());
  for (let i = 0; i < 200; i += 3) await client.setbit('bits', i, 1);
  assert.strictEqual(await client.bitcount('bits'), 67);
  assert.strictEqual(await client.bitpos('bits', 0), 1);
  assert.deepStrictEqual(await client.bitfield('field', 'INCRBY', 'u8', 0, 200, 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', 0, 100), [200, null]);
  for (let i = 0; i < 2000; i += 100) await client.pfadd('seen', ...Array.from({ length: 100 }, (_, j) => i + j));
  assert.ok(Math.abs((await client.pfcount('seen')) - 2000) < 80);
  await client.geoadd('map', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania');
  assert.strictEqual(await client.geodist('map', 'Palermo', 'Catania', 'km'), '166.2742');
  assert.deepStrictEqual(await client.geosearch('map', 'FROMLONLAT', 15, 37, 'BYRADIUS', 200, 'km', 'ASC'), ['Catania', 'Palermo']);
}

async function payloads(client) {
  await client.hset('hash', Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, `v${i}`])));
  for (const key of ['numbers', 'bits', 'seen', 'map', 'hash', 'log']) {
    const payload = await client.dumpBuffer(key);
    assert.strictEqual(await client.restore('copy', 0, payload, 'REPLACE'), 'OK');
    assert.strictEqual(await client.type('copy'), await client.type(key));
    assert.ok(payload.equals(await client.dumpBuffer('copy')), key);
    payload[payload.length >> 1] ^= 4;
    await assert.rejects(client.restore('copy', 0, payload, 'REPLACE'), /checksum are wrong/);
  }
  assert.deepStrictEqual(await client.hgetall('hash'), Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, `v${i}`])));
}

run(async () => {
  const client = connect();
  await client.flushall();
  for (const part of [transactions, queues, messages, values, payloads]) await part(client);
  await client.flushall();
  await client.quit();
});
