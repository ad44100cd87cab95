// Asks sigstore's own library for JavaScript: judge.js PUBLIC-KEY SHA256-HEX < BUNDLE.  Exits with 1 if it refuses.
//
// The library judges the bundle and its signature by the key; what a statement is about is left to who asks, so that is
// compared here.
'use strict';
const fs = require('fs');
const crypto = require('crypto');
const { bundleFromJSON } = require('@sigstore/bundle');
const { Verifier, toSignedEntity } = require('@sigstore/verify');

const [keyFile, hex] = process.argv.slice(2);
const publicKey = crypto.createPublicKey(fs.readFileSync(keyFile));
const hint = crypto.createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
const trust = {
    certificateAuthorities: [],
    timestampAuthorities: [],
    tlogs: [],
    ctlogs: [],
    publicKey: (asked) => {
        if (asked !== hint) throw new Error(`the bundle names another key: ${asked}`);
        return { publicKey, validFor: () => true };
    },
};

try {
    const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(0, 'utf8')));
    new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 }).verify(toSignedEntity(bundle));
    const statement = JSON.parse(bundle.content.dsseEnvelope.payload.toString());
    if (!statement.subject.every((subject) => subject.digest.sha256 === hex))
        throw new Error('the statement is about another digest');
} catch (error) {
    console.log(`refused: ${error.message}`);
    process.exit(1);
}
