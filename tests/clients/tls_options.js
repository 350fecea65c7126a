// What the clients of Node share: TLS files, and waiting for a condition.
const fs = require('fs');

exports.tls = (certs) => ({
  ca: fs.readFileSync(`${certs}/ca.crt`),
  cert: fs.readFileSync(`${certs}/client.crt`),
  key: fs.readFileSync(`${certs}/client.key`),
  servername: 'localhost',
});

exports.until = async (what, holds, ms = 15000) => {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

exports.run = (main) => main().catch((error) => {
  console.error(error);
  process.exit(1);
});
