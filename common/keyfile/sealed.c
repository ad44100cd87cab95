#include "common/keyfile/sealed.h"

#include "common/base/base.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>

static void free_sealed(X509_SIG **sealed)
{
    X509_SIG_free(*sealed);
}

static void free_parameters(PBE2PARAM **parameters)
{
    PBE2PARAM_free(*parameters);
}

static void free_derivation(PBKDF2PARAM **derivation)
{
    PBKDF2PARAM_free(*derivation);
}

/* PBES2 by PBKDF2 alone, with no more work than it deserves: a file must not keep us busy for hours. */
static bool is_bounded(const X509_SIG *sealed)
{
    const X509_ALGOR  *algorithm;
    int                type;
    const void        *value;
    const ASN1_OBJECT *object;

    X509_SIG_get0(sealed, &algorithm, NULL);
    X509_ALGOR_get0(&object, &type, &value, algorithm);
    if (OBJ_obj2nid(object) != NID_pbes2 || type != V_ASN1_SEQUENCE)
        return false;

    LK_CLEANUP(free_parameters)
    PBE2PARAM *parameters = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBE2PARAM));
    if (!parameters)
        return false;
    X509_ALGOR_get0(&object, &type, &value, parameters->keyfunc);
    if (OBJ_obj2nid(object) != NID_id_pbkdf2 || type != V_ASN1_SEQUENCE)
        return false;

    LK_CLEANUP(free_derivation)
    PBKDF2PARAM *derivation = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBKDF2PARAM));
    if (!derivation)
        return false;
    long iterations = ASN1_INTEGER_get(derivation->iter);
    return iterations > 0 && iterations <= LK_SEALED_ROUNDS_MAX;
}

int lk_sealed_open(PKCS8_PRIV_KEY_INFO **out, struct lk_str der, struct lk_str passphrase,
                   struct lk_err *err)
{
    const unsigned char              *at = (const unsigned char *)der.data;
    LK_CLEANUP(free_sealed) X509_SIG *sealed = d2i_X509_SIG(NULL, &at, (long)der.len);

    ERR_clear_error();
    if (!sealed || !is_bounded(sealed))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "it is damaged, or encrypted in another way than OpenSSL, Docker and Notary do "
            "(PBES2, PBKDF2 with at most %d rounds)",
            LK_SEALED_ROUNDS_MAX);
    *out = PKCS8_decrypt(sealed, passphrase.data, (int)passphrase.len);
    ERR_clear_error();
    if (!*out)
        return lk_err_set(err, LK_ERR_DENIED,
                          "the passphrase does not open it (or the file is damaged)");
    return 0;
}
