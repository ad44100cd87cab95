#!/bin/sh
echo "built on $(cat /built-on), running on $(uname -m)"
