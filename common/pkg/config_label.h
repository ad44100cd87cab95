/*
 * config_label - build.yml's `config:` as the JSON that stands in the label org.mobyproject.config.
 *
 * Byte for byte what `linuxkit pkg` writes: a fixed order of fields, whatever the order in the file; its
 * rules of what is left out; Go's escapes and numbers.  What it refuses is refused here, all mistakes at
 * once with their lines; so are values that it cuts or lets overflow (linuxkit.md section 5).
 */
#ifndef LK_CONFIG_LABEL_H
#define LK_CONFIG_LABEL_H

#include "common/base/buf.h"
#include "common/yaml/yaml.h"

/* Builders take a label as one word of a command line: Linux lets it have 128 KiB. */
#define LK_CONFIG_LABEL_MAX (96 * 1024)

/* Appends to `out`; `name` is what messages call the file.  A null `config:` has no label: do not ask. */
int lk_config_label(const struct lk_yaml_node *config, const char *name, struct lk_buf *out,
                    struct lk_err *err);

#endif
