#include "common/os/passphrases.h"

#include <string.h>
#include <unistd.h>

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

bool lk_variable_is_passphrase(const char *variable)
{
    static const char end[] = "_PASSPHRASE=";
    const char       *value = strchr(variable, '=');

    if (begins(variable, "COSIGN_PASSWORD="))
        return true;
    return begins(variable, "DOCKER_CONTENT_TRUST_") && value &&
           begins(value + 2 - sizeof(end), end);
}

const char **lk_environment_without_passphrases(void)
{
    size_t count = 0, kept = 0;

    while (environ[count])
        count++;
    const char **out = lk_xcalloc(count + 1, sizeof(*out));
    for (size_t i = 0; i < count; i++)
        if (!lk_variable_is_passphrase(environ[i]))
            out[kept++] = environ[i];
    return out;
}
