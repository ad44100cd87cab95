/* layout_archive - an OCI layout's directory as one tar file. */
#ifndef LK_CLI_LAYOUT_ARCHIVE_H
#define LK_CLI_LAYOUT_ARCHIVE_H

#include "common/base/err.h"

/* `file` appears, or is replaced, when all is in it.  The same content gives the same bytes. */
int lk_layout_archive(const char *directory, const char *file, struct lk_err *err);

#endif
