// node-redis over TLS: its cache on the client's side, messages in RESP2 and RESP3, keyspace
// notifications, transactions, blocking. Usage: node_redis_data.js PORT CERTIFICATE_FOLDER
const assert = require('assert');
const { createClient, WatchError } = require('redis');
const { tls, until, run } = require('./tls_options');

const [port, certs] = [Number(process.argv[2]), process.argv[3]];

async function connect(more) {
  const client = createClient({ socket: { host: '127.0.0.1', port, tls: true, ...tls(certs) }, ...more });
  client.on('error', (error) => { throw error; });
  await client.connect();
  return client;
}

// Reads come from the cache until the server says otherwise; every write is seen at last.
async function caching() {
  const [reader, writer] = [await connect({ RESP: 3, clientSideCache: { ttl: 0, maxEntries: 0 } }), await connect()];
  for (let round = 0; round < 40; round++) {
    for (let key = 0; key < 5; key++) await writer.set(`cached${key}`, `${round}`);
    for (let key = 0; key < 5; key++) {
      await until(`round ${round}`, async () => (await reader.get(`cached${key}`)) === `${round}`);
      assert.strictEqual(await reader.get(`cached${key}`), `${round}`);
    }
  }
  const calls = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await writer.info('commandstats'))[1]);
  const before = await calls();
  for (let i = 0; i < 500; i++) assert.strictEqual(await reader.get('cached1'), '39');
  assert.strictEqual(await calls(), before, 'reads that the cache should have answered');
  await writer.flushAll();
  await until('the flush', async () => (await reader.get('cached1')) === null);
  await Promise.all([reader.close(), writer.close()]);
}

async function messages(RESP) {
  const [publisher, own] = [await connect({ RESP }), await connect({ RESP })];
  const seen = { channel: [], pattern: [], shard: [] };
  await own.subscribe('news', (text) => seen.channel.push(text));
  await own.pSubscribe('n*', (text, channel) => seen.pattern.push(`${channel}:${text}`));
  await own.sSubscribe('part', (text) => seen.shard.push(text));
  for (let i = 0; i < 100; i++) {
    assert.strictEqual(await publisher.publish('news', `${i}`), 2);
    assert.strictEqual(await publisher.sPublish('part', `${i}`), 1);
  }
  const texts = Array.from({ length: 100 }, (_, i) => `${i}`);
  await until('all messages', () => Object.values(seen).every((list) => list.length === 100));
  assert.deepStrictEqual(seen, { channel: texts, pattern: texts.map((text) => `news:${text}`), shard: texts });
  await own.unsubscribe();
  await own.sUnsubscribe();
  await own.pUnsubscribe();
  assert.strictEqual(String(await own.ping()), 'PONG');
  await Promise.all([publisher.close(), own.close()]);
}

async function notifications() {
  const [client, own] = [await connect(), await connect()];
  await client.configSet('notify-keyspace-events', 'KA');
  const events = [];
  await own.pSubscribe('__keyspace@0__:*', (event, channel) => events.push(`${channel.split(':')[1]} ${event}`));
  const expected = [];
  for (let i = 0; i < 50; i++) {
    await client.hSet('hash', `f${i}`, 'v');
    await client.zAdd('zset', { score: i, value: `m${i}` });
    await client.set('short', 'x', { PX: 1 });
    expected.push('hash hset', 'zset zadd', 'short set', 'short expire', 'short expired');
    await until('expiry', async () => (await client.exists('short')) === 0);
  }
  await until('all events', () => events.length === expected.length);
  assert.deepStrictEqual(events, expected);
  await client.configSet('notify-keyspace-events', '');
  await Promise.all([client.close(), own.close()]);
}

async function transactions(RESP) {
  const client = await connect({ RESP });
  const workers = Array.from({ length: 4 }, async () => {
    const own = await connect({ RESP });
    for (let done = 0; done < 25;) {
      await own.watch('account');
      const value = Number(await own.get('account'));
      try {
        assert.deepStrictEqual(await own.multi().set('account', `${value + 1}`).get('account').exec(), ['OK', `${value + 1}`]);
        done++;
      } catch (error) {
        if (!(error instanceof WatchError)) throw error;
      }
    }
    await own.close();
  });
  await Promise.all(workers);
  assert.strictEqual(await client.get('account'), '100');
  const own = await connect({ RESP });
  for (let i = 0; i < 50; i++) {
    const waiting = [own.blPop('queue', 15), own.bzPopMin('jobs', 15)];
    await client.rPush('queue', `${i}`);
    await client.zAdd('jobs', [{ score: i, value: 'a' }, { score: -i - 1, value: 'b' }]);
    const [item, job] = await Promise.all(waiting);
    assert.strictEqual(item.element, `${i}`);
    assert.strictEqual(job.value, 'b');
    assert.strictEqual(job.score, -i - 1);
    assert.strictEqual(await client.del('jobs'), 1);
  }
  await client.flushAll();
  await Promise.all([client.close(), own.close()]);
}

run(async () => {
  const client = await connect();
  await client.flushAll();
  await client.close();
  for (const RESP of [2, 3]) {
    await messages(RESP);
    await transactions(RESP);
  }
  await caching();
  await notifications();
});
