/* maintenance - `lkcoordd fsck|backup|restore`: what is done with the journal beside running the coordinator. */
#ifndef LK_MAINTENANCE_H
#define LK_MAINTENANCE_H

#include <stdbool.h>

bool lk_maintenance_is(const char *word);
/* argv[0] is the word; the exit status. */
int lk_maintenance_run(int argc, char **argv);

#endif
