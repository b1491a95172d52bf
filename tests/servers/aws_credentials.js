// The places on a network where AWS credentials come from: ECS's container end point and the instance
// metadata service (version 2 only: without its token nothing is told).
// Usage: node aws_credentials.js PORT. What is given out comes from AWS_GIVEN: JSON {"id", "secret",
// "token"}. GET /-/requests says what was asked, one path a line.
'use strict';
const http = require('http');

const [port] = process.argv.slice(2);
const given = JSON.parse(process.env.AWS_GIVEN);
const kMetadataToken = 'metadata-token';
const asked = [];

const inAnHour = () => new Date(Date.now() + 3600e3).toISOString();
const asJson = () => JSON.stringify({
  Code: 'Success', Type: 'AWS-HMAC', AccessKeyId: given.id, SecretAccessKey: given.secret,
  Token: given.token, Expiration: inAnHour(), LastUpdated: new Date().toISOString(),
});

function instanceMetadata(request, path) {
  if (path === '/latest/api/token') return request.method === 'PUT' ? kMetadataToken : null;
  if (request.headers['x-aws-ec2-metadata-token'] !== kMetadataToken) return null;
  if (path.endsWith('/role')) return asJson();
  return path.endsWith('/security-credentials/') ? 'role' : null;
}

http.createServer((request, response) => {
  const path = request.url.split('?')[0];
  if (path === '/-/requests') return response.end(asked.join('\n'));
  asked.push(path);
  if (path === '/latest/api/token') response.setHeader('X-Aws-Ec2-Metadata-Token-Ttl-Seconds', '60');
  const text = path === '/creds' ? asJson() : instanceMetadata(request, path);
  if (text === null) response.statusCode = 401;
  response.end(text || '');
}).listen(Number(port), '127.0.0.1');
