// A strict S3 server: s3rver keeps the objects, and every request must carry a signature that
// AWS's own signer gives as well, since s3rver checks none.
// Usage: node s3.js FOLDER PORT. Buckets are the folders of FOLDER. Credentials and region come from
// S3_KEYS: JSON {"ACCESS KEY": {"secret": "…", "token": "…"}} and S3_REGION. A POST to / is taken for
// one to a Security Token Service, as in MinIO: for S3_ROLE, JSON {"arn", "token", "key"}, it gives
// the key of this name to who shows the token.
// GET /-/requests says how many requests came, that one left out.
'use strict';
const http = require('http');
const S3rver = require('s3rver');
const account = require('s3rver/lib/models/account');
const {SignatureV4} = require('@smithy/signature-v4');
const {Sha256} = require('@aws-crypto/sha256-js');

const [folder, port] = process.argv.slice(2);
const keys = JSON.parse(process.env.S3_KEYS);
const region = process.env.S3_REGION;
const role = JSON.parse(process.env.S3_ROLE);
const kMaxSkewMs = 15 * 60 * 1000;

function refuse(response, status, code, message) {
  response.writeHead(status, {'content-type': 'application/xml', 'x-amz-bucket-region': region});
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

// As S3 reads a path: decoded, then encoded in the one canonical way.
function canonicalPath(path) {
  const percent = (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase();
  return path.split('/')
      .map((part) => encodeURIComponent(decodeURIComponent(part)).replace(/[!'()*]/g, percent))
      .join('/');
}

function parseQuery(text) {
  const query = {};
  for (const pair of text ? text.split('&') : []) {
    const equals = pair.indexOf('=');
    const name = decodeURIComponent(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decodeURIComponent(pair.slice(equals + 1));
    query[name] = name in query ? [].concat(query[name], value) : value;
  }
  return query;
}

// The arguments of refuse(), or null when the request is what the owner of a key has signed.
async function fault(request) {
  const sent = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d+\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/
      .exec(request.headers.authorization || '');
  if (!sent) return [403, 'AccessDenied', 'Access Denied'];
  const [, id, signedRegion, signedNames, signature] = sent;
  const key = keys[id];
  if (!key) {
    return [403, 'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records.'];
  }
  if (signedRegion !== region) {
    return [400, 'AuthorizationHeaderMalformed',
      `the region '${signedRegion}' is wrong; expecting '${region}'`];
  }
  if ((request.headers['x-amz-security-token'] || '') !== (key.token || '')) {
    return [400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.'];
  }
  const signed = signedNames.split(';');
  const unsigned = Object.keys(request.headers)
      .find((name) => (name === 'host' || name.startsWith('x-amz-')) && !signed.includes(name));
  if (unsigned) return [403, 'AccessDenied', `the header ${unsigned} is not signed`];
  const date = new Date(String(request.headers['x-amz-date'])
      .replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(Date.now() - date) < kMaxSkewMs)) {
    return [403, 'RequestTimeTooSkewed', 'The difference between the times is too large.'];
  }
  const [path, query] = request.url.split('?');
  const signer = new SignatureV4({
    service: 's3', region, sha256: Sha256, uriEscapePath: false, applyChecksum: false,
    credentials: {accessKeyId: id, secretAccessKey: key.secret},
  });
  const expected = await signer.sign({
    method: request.method, protocol: 'http:', hostname: 'localhost', path: canonicalPath(path),
    query: parseQuery(query),
    headers: Object.fromEntries(signed.map((name) => [name, request.headers[name] || ''])),
  }, {signingDate: date});
  if (expected.headers.authorization.endsWith('Signature=' + signature)) return null;
  return [403, 'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided.'];
}

function assumeRole(form, response) {
  const asked = new URLSearchParams(form);
  if (asked.get('Action') !== 'AssumeRoleWithWebIdentity' || asked.get('RoleArn') !== role.arn ||
      asked.get('WebIdentityToken') !== role.token) {
    response.writeHead(400, {'content-type': 'text/xml'});
    return response.end(`<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code>
<Message>the token is not that of the role</Message></Error></ErrorResponse>`);
  }
  response.writeHead(200, {'content-type': 'text/xml'});
  response.end(`<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>${role.key}</AccessKeyId><SecretAccessKey>${keys[role.key].secret}</SecretAccessKey>
<SessionToken>${keys[role.key].token}</SessionToken>
<Expiration>${new Date(Date.now() + 3600e3).toISOString()}</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`);
}

for (const [id, {secret}] of Object.entries(keys)) account.DUMMY_ACCOUNT.createKeyPair(id, secret);
const storage = new S3rver({directory: folder, silent: true, vhostBuckets: false}).callback();
let requests = 0;
http.createServer(async (request, response) => {
  if (request.url === '/-/requests') return response.end(String(requests));
  ++requests;
  if (request.method === 'POST' && request.url === '/') {
    let form = '';
    for await (const part of request) form += part;
    return assumeRole(form, response);
  }
  const refused = await fault(request).catch((error) => [400, 'InvalidRequest', String(error)]);
  if (refused) return refuse(response, ...refused);
  storage(request, response);
}).listen(Number(port), '127.0.0.1');
