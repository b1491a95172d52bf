// A shared access signature of one container, made from "Create a service SAS" of Azure's REST
// reference and nothing of ours.
// Usage: node azure_signature.js ACCOUNT CONTAINER PERMISSIONS EXPIRY. The account's key is in
// AZURE_KEY.
'use strict';
const {createHmac} = require('crypto');

const [account, container, permissions, expiry] = process.argv.slice(2);
const kVersion = '2018-11-09';
const kStart = '', kIdentifier = '', kAddresses = '', kProtocols = '', kSnapshot = '';
const kHeaders = ['', '', '', '', ''];  // that answers are to have
const signed = [permissions, kStart, expiry, `/blob/${account}/${container}`, kIdentifier,
  kAddresses, kProtocols, kVersion, 'c', kSnapshot, ...kHeaders].join('\n');
const signature = createHmac('sha256', Buffer.from(process.env.AZURE_KEY, 'base64'))
    .update(signed, 'utf8').digest('base64');
process.stdout.write(String(new URLSearchParams(
    {sv: kVersion, sr: 'c', sp: permissions, se: expiry, sig: signature})));
