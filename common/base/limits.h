/*
 * limits - the maxima that input can run into and that more than one file knows; README has a table of what users meet.
 *
 * A limit reached is a named error to whoever asked, never a crash and never silence.
 */
#ifndef LK_LIMITS_H
#define LK_LIMITS_H

/* Names.  OCI distribution specification 1.1, "Pulling manifests": a tag has at most 128 characters. */
#define LK_TAG_SIZE        129
#define LK_REPOSITORY_SIZE 256 /* "host:port/path" with NUL */
#define LK_REFERENCE_SIZE  (LK_REPOSITORY_SIZE + LK_TAG_SIZE + LK_DIGEST_TEXT_SIZE)
#define LK_NAME_SIZE       64   /* an agent's or client's name in the configuration */
#define LK_PATH_SIZE       1024 /* a package's path, for people */
#define LK_TEMPLATE_SIZE   1024 /* a tag before {{.Hash}} is replaced */
#define LK_REASON_SIZE     400  /* why something failed or waits, for people */
#define LK_MEDIA_TYPE_SIZE 96

/* One push. */
#define LK_PUSH_PACKAGES_MAX  128
#define LK_PACKAGE_ARCHES_MAX 8

/* Files that people write. */
#define LK_YAML_BYTES_MAX (64 * 1024)
#define LK_YAML_DEPTH_MAX 16
#define LK_YAML_NODES_MAX 8192

/* Documents of the registry: the distribution specification lets registries refuse manifests above 4 MiB. */
#define LK_MANIFEST_BYTES_MAX     (4 * 1024 * 1024)
#define LK_INDEX_ENTRIES_MAX      32
#define LK_IMAGE_CONFIG_BYTES_MAX (4 * 1024 * 1024)
#define LK_IMAGE_LAYERS_MAX       256

/* The wire. */
#define LK_WIRE_FRAME_MAX (128 * 1024) /* MAXMSGSIZE of every socket */
#define LK_WIRE_PIECE_MAX (64 * 1024)  /* raw bytes of an object or log in one message */

/* Sources. */
#define LK_SPEC_BYTES_MAX     (256 * 1024)
#define LK_TREE_BYTES_MAX     (16 * 1024 * 1024)
#define LK_TREE_DEPTH_MAX     64
#define LK_SOURCE_OBJECTS_MAX 200000
#define LK_SOURCE_BYTES_MAX   (4ULL * 1024 * 1024 * 1024)
/* One file: lkcoord reads it whole to send it. */
#define LK_SOURCE_OBJECT_BYTES_MAX (1024ULL * 1024 * 1024)

/* Images that a package depends on: of one job, unpacked. */
#define LK_DEPENDS_BYTES_MAX (16ULL * 1024 * 1024 * 1024)

/* Logs. */
#define LK_LOG_BYTES_MAX (16 * 1024 * 1024) /* kept of one job */

#endif
