#include "tests/fuzz/fuzz.h"

#include "common/registry/docker_config.h"
#include "tests/fuzz/scratch.h"

#include <string.h>

/* The bytes are a file of registry logins.  What is wrong with it is said, and no word of it, which may be a password. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const    names[] = { "registry.example/org/x", "org/x", "[::1]:5000/x" };
    static struct lk_credential login;

    /* No helper is to be found. */
    setenv("PATH", "/nonexistent", 1);
    setenv("REGISTRY_AUTH_FILE", scratch_write("auth.json", data, size), 1);
    for (size_t i = 0; i < LK_COUNT(names); i++) {
        struct lk_reference name;
        struct lk_err       err = { 0 };
        lk_assert(lk_reference_parse(lk_str_of(names[i]), &name, &err) == 0);
        if (lk_docker_config_find(&login, &name, &err) < 0)
            lk_assert(err.kind == LK_ERR_INVALID && strstr(err.text, "auth.json"));
        else
            lk_assert(login.kind == LK_CREDENTIAL_NONE || login.secret[0]);
    }
    return 0;
}
