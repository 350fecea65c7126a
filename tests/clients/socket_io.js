// Two socket.io servers joined by @socket.io/redis-adapter (ioredis on one, node-redis on the other):
// whole broadcasts, rooms, questions between servers; plain and sharded channels.
// Usage: socket_io.js PORT CERTIFICATE_FOLDER
const assert = require('assert');
const http = require('http');
const { Server } = require('socket.io');
const { io } = require('socket.io-client');
const { createAdapter, createShardedAdapter } = require('@socket.io/redis-adapter');
const Redis = require('ioredis');
const { createClient } = require('redis');
const { tls, until, run } = require('./tls_options');

const [port, certs] = [Number(process.argv[2]), process.argv[3]];
const CLIENTS = 10;
const ROUNDS = 50;

async function viaNodeRedis() {
  const client = createClient({ socket: { host: '127.0.0.1', port, tls: true, ...tls(certs) } });
  client.on('error', (error) => { throw error; });
  await client.connect();
  return { client, close: () => client.close() };
}

async function viaIoredis() {
  const client = new Redis({ host: '127.0.0.1', port, tls: tls(certs) });
  await new Promise((resolve) => client.once('ready', resolve));
  return { client, close: () => client.disconnect() };
}

async function start(connect, create) {
  const [publisher, subscriber] = [await connect(), await connect()];
  const web = http.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => web.once('listening', resolve));
  const server = new Server(web, { adapter: create(publisher.client, subscriber.client) });
  server.on('connection', (socket) => {
    socket.on('join', (room, done) => Promise.resolve(socket.join(room)).then(done));
    socket.on('say', (room, text) => server.to(room).emit('said', room, text));
  });
  server.on('ask', (text, answer) => answer(`${text}, heard`));
  return { server, port: web.address().port, stop: async () => { await server.close(); await Promise.all([publisher.close(), subscriber.close()]); } };
}

async function talk(create, names) {
  const servers = [await start(names[0], create), await start(names[1], create)];
  const people = await Promise.all(Array.from({ length: CLIENTS }, async (_, number) => {
    const socket = io(`http://127.0.0.1:${servers[number % 2].port}`, { transports: ['websocket'], forceNew: true });
    const heard = [];
    socket.on('said', (room, text) => heard.push(`${room}:${text}`));
    await new Promise((resolve, reject) => { socket.on('connect', resolve); socket.on('connect_error', reject); });
    await new Promise((resolve) => socket.emit('join', `room${number % 5}`, resolve));
    return { socket, heard };
  }));
  await until('both servers know both', async () => (await servers[0].server.fetchSockets()).length === CLIENTS
    && (await servers[1].server.fetchSockets()).length === CLIENTS);
  assert.strictEqual((await servers[1].server.in('room3').fetchSockets()).length, 2);

  // Each says something to each room; two are in each, on different servers; order of one speaker holds.
  for (let round = 0; round < ROUNDS; round++)
    people.forEach(({ socket }, number) => socket.emit('say', `room${(number + round) % 5}`, `${number}.${round}`));
  const expected = CLIENTS * ROUNDS / 5;
  await until('all that was said', () => people.every(({ heard }) => heard.length >= expected));
  people.forEach(({ heard }, number) => {
    assert.strictEqual(heard.length, expected);
    assert.strictEqual(new Set(heard).size, expected);
    for (let speaker = 0; speaker < CLIENTS; speaker++) {
      const rounds = heard.filter((line) => line.startsWith(`room${number % 5}:${speaker}.`)).map((line) => Number(line.split('.')[1]));
      assert.deepStrictEqual(rounds, [...rounds].sort((a, b) => a - b));
      assert.strictEqual(rounds.length, ROUNDS / 5);
    }
  });
  for (let i = 0; i < ROUNDS; i++) servers[i % 2].server.emit('said', 'all', `${i}`);
  await until('the announcements', () => people.every(({ heard }) => heard.length === expected + ROUNDS));
  for (let i = 0; i < 20; i++)
    assert.deepStrictEqual(await servers[i % 2].server.serverSideEmitWithAck('ask', `question ${i}`), [`question ${i}, heard`]);
  servers[0].server.in('room1').disconnectSockets(true);
  await until('room 1 is empty', async () => (await servers[1].server.fetchSockets()).length === CLIENTS - 2);
  people.forEach(({ socket }) => socket.close());
  await Promise.all(servers.map((server) => server.stop()));
}

run(async () => {
  const plain = (publisher, subscriber) => createAdapter(publisher, subscriber);
  const sharded = (publisher, subscriber) => createShardedAdapter(publisher, subscriber);
  await talk(plain, [viaIoredis, viaNodeRedis]);
  await talk(sharded, [viaNodeRedis, viaNodeRedis]);
  process.exit(0);
});
