// A Google Cloud Storage double: the OAuth2 token end point for service accounts (the JWT's RSA
// signature, audience and times are checked), then objects.list, get and media with Range, for
// bearers of a token only.
// Usage: node gs.js FOLDER PORT KEY_FILE. Buckets are the folders of FOLDER; KEY_FILE is written: the
// key of a service account whose token_uri is this server.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');

const [folder, port, keyFile] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const tokens = new Set();
const {publicKey, privateKey} = crypto.generateKeyPairSync('rsa', {modulusLength: 2048});
fs.writeFileSync(keyFile, JSON.stringify({
  type: 'service_account',
  project_id: 'test',
  private_key_id: 'one',
  private_key: privateKey.export({type: 'pkcs8', format: 'pem'}),
  client_email: 'loader@test.iam.gserviceaccount.com',
  client_id: '1',
  token_uri: `${base}/token`,
}), {mode: 0o600});

function answer(response, status, body) {
  response.writeHead(status, {'content-type': 'application/json'});
  response.end(JSON.stringify(body));
}

const refuse = (response, code, message) =>
  answer(response, code, {error: {code, message, errors: [{reason: message}]}});

function giveToken(form, response) {
  const [head, claims, signature] = (new URLSearchParams(form).get('assertion') || '').split('.');
  const valid = signature && crypto.verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), publicKey,
      Buffer.from(signature, 'base64url'));
  const {aud, exp} = valid ? JSON.parse(Buffer.from(claims, 'base64url')) : {};
  if (!valid || aud !== `${base}/token` || exp * 1000 < Date.now()) {
    return answer(response, 400, {error: 'invalid_grant', error_description: 'Invalid JWT Signature.'});
  }
  const token = crypto.randomBytes(16).toString('hex');
  tokens.add(token);
  answer(response, 200, {access_token: token, token_type: 'Bearer', expires_in: 3600});
}

function names(bucket, below = '') {
  return fs.readdirSync(path.join(folder, bucket, below), {withFileTypes: true}).flatMap((entry) =>
    entry.isDirectory() ? names(bucket, `${below}${entry.name}/`) : [below + entry.name]);
}

function describe(bucket, name) {
  const file = path.join(folder, bucket, name);
  const {size, mtime, mtimeMs} = fs.statSync(file);
  const md5Hash = crypto.createHash('md5').update(fs.readFileSync(file)).digest('base64');
  const object = `/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`;
  return {
    kind: 'storage#object', name, bucket, size: String(size), updated: mtime.toISOString(), md5Hash,
    generation: String(Math.floor(mtimeMs * 1000)), etag: `"${mtimeMs}"`,
    contentType: 'application/octet-stream', mediaLink: `${base}/download${object}?alt=media`,
  };
}

function list(bucket, query, response) {
  const prefix = query.get('prefix') || '';
  const delimiter = query.get('delimiter');
  const prefixes = new Set();
  const items = [];
  for (const name of names(bucket).filter((each) => each.startsWith(prefix))) {
    const at = delimiter ? name.indexOf(delimiter, prefix.length) : -1;
    if (at < 0) items.push(describe(bucket, name));
    else prefixes.add(name.slice(0, at + delimiter.length));
  }
  answer(response, 200, {kind: 'storage#objects', items, prefixes: [...prefixes]});
}

function send(file, range, response) {
  const size = fs.statSync(file).size;
  const asked = /^bytes=(\d+)-(\d*)$/.exec(range || '');
  const start = asked ? Number(asked[1]) : 0;
  const end = asked && asked[2] ? Math.min(Number(asked[2]), size - 1) : size - 1;
  const headers = {'content-length': end - start + 1, 'content-type': 'application/octet-stream'};
  if (asked) headers['content-range'] = `bytes ${start}-${end}/${size}`;
  response.writeHead(asked ? 206 : 200, headers);
  fs.createReadStream(file, {start, end}).pipe(response);
}

function serve(request, response) {
  const url = new URL(request.url, base);
  const bearer = (request.headers.authorization || '').replace('Bearer ', '');
  if (!tokens.has(bearer)) return refuse(response, 401, 'Invalid Credentials');
  const asked = /^(?:\/download)?(?:\/storage\/v1)?\/b\/([^/]+)\/o(?:\/(.+))?$/.exec(url.pathname);
  if (!asked) return refuse(response, 404, `Not Found: ${url.pathname}`);
  const [bucket, object] = asked.slice(1).map((part) => part && decodeURIComponent(part));
  if (!fs.existsSync(path.join(folder, bucket))) {
    return refuse(response, 404, 'The specified bucket does not exist.');
  }
  if (!object) return list(bucket, url.searchParams, response);
  const file = path.join(folder, bucket, object);
  if (!fs.existsSync(file) || fs.statSync(file).isDirectory()) {
    return refuse(response, 404, `No such object: ${bucket}/${object}`);
  }
  if (url.searchParams.get('alt') !== 'media') return answer(response, 200, describe(bucket, object));
  send(file, request.headers.range, response);
}

http.createServer((request, response) => {
  let form = '';
  request.on('data', (data) => form += data).on('end', () =>
    request.url === '/token' ? giveToken(form, response) : serve(request, response));
}).listen(Number(port), '127.0.0.1');
