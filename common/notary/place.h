/*
 * place - where Docker's client keeps and looks for trust: its directory of keys and what it has seen, and the CA
 * files of trust servers.  $DOCKER_CONFIG, else ~/.docker.
 */
#ifndef LK_NOTARY_PLACE_H
#define LK_NOTARY_PLACE_H

#include "common/base/err.h"

/* .../trust; owned.  INVALID if neither DOCKER_CONFIG nor HOME is set. */
int lk_notary_directory(char **out, struct lk_err *err);

/*
 * The one file .../tls/HOST[:PORT]/NAME.crt for this server, owned; NULL if there is none, or no such place.  INVALID if there are
 * several: then one has to be named.
 */
int lk_notary_ca_file(char **out, const char *url, struct lk_err *err);

#endif
