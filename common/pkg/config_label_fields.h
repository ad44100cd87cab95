/*
 * config_label_fields - what may stand in build.yml's `config:`, as tables.
 *
 * The order of the rows is that of the JSON.  Some names differ between YAML and JSON: the structures
 * that LinuxKit borrows from the OCI runtime specification have no YAML names of their own, so that its
 * reader takes the field's name in lower case.
 */
#ifndef LK_CONFIG_LABEL_FIELDS_H
#define LK_CONFIG_LABEL_FIELDS_H

#include <stddef.h>

#define LK_CONFIG_FIELDS_MAX 40 /* of one record */

enum lk_config_kind {
    LK_CONFIG_TEXT,
    LK_CONFIG_BOOL,
    LK_CONFIG_INT64,
    LK_CONFIG_UINT16,
    LK_CONFIG_UINT32,
    LK_CONFIG_UINT64,
    LK_CONFIG_FREE, /* whatever YAML can say */
    LK_CONFIG_RECORD,
};

enum lk_config_shape {
    LK_CONFIG_ONE,
    LK_CONFIG_LIST,
    LK_CONFIG_MAP, /* of any keys, which are sorted */
};

enum lk_config_omit {
    LK_CONFIG_IF_ABSENT, /* or null */
    LK_CONFIG_IF_EMPTY,  /* too: "", [], {} */
    LK_CONFIG_NEVER,     /* then "", false, 0 or a record of such */
};

struct lk_config_field {
    const char          *yaml;
    const char          *json; /* NULL: the record's fields stand among those around it */
    enum lk_config_kind  kind;
    enum lk_config_shape shape;
    enum lk_config_omit  omit;
    const struct lk_config_record *record; /* of LK_CONFIG_RECORD */
};

struct lk_config_record {
    size_t                        count;
    const struct lk_config_field *fields;
};

/* `config:` itself. */
extern const struct lk_config_record lk_config_root;

#endif
