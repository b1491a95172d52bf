// The places on a network where AWS credentials come from: ECS's container end point, the instance
// metadata service (version 2 only: without its token nothing is told) and STS for web identities.
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

const asStsAnswer = (action) => `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<${action}Result><Credentials><AccessKeyId>${given.id}</AccessKeyId>
<SecretAccessKey>${given.secret}</SecretAccessKey><SessionToken>${given.token}</SessionToken>
<Expiration>${inAnHour()}</Expiration></Credentials></${action}Result></${action}Response>`;

function instanceMetadata(request, path) {
  if (path === '/latest/api/token') return request.method === 'PUT' ? kMetadataToken : null;
  if (request.headers['x-aws-ec2-metadata-token'] !== kMetadataToken) return null;
  if (path.endsWith('/role')) return asJson();
  return path.endsWith('/security-credentials/') ? 'role' : null;
}

http.createServer((request, response) => {
  let body = '';
  request.on('data', (data) => body += data).on('end', () => {
    const path = request.url.split('?')[0];
    if (path === '/-/requests') return response.end(asked.join('\n'));
    asked.push(path);
    if (path === '/creds') return response.end(asJson());
    if (path.startsWith('/latest/')) {
      const text = instanceMetadata(request, path);
      if (path === '/latest/api/token') response.setHeader('X-Aws-Ec2-Metadata-Token-Ttl-Seconds', '60');
      if (text === null) response.statusCode = 401;
      return response.end(text || '');
    }
    const action = /Action=(\w+)/.exec(body);
    response.statusCode = action ? 200 : 404;
    response.setHeader('content-type', 'text/xml');
    response.end(action ? asStsAnswer(action[1]) : '');
  });
}).listen(Number(port), '127.0.0.1');
