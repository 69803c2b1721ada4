#!/bin/sh
# Installs edgewb from the wheels in this folder into edgewb/.venv. Asks no network for anything.
set -eu
cd "$$(dirname "$$0")"
python=
for each in python${python} python3 python; do
  if "$$each" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "${python}" or sys.version_info < (${least_numbers}))' 2>/dev/null; then python=$$each; break; fi
done
if [ -z "$$python" ]; then
  echo "Python ${python}, ${least} or later, was not found: install it first (these wheels are for no other)." >&2
  exit 2
fi
"$$python" -m venv edgewb/.venv || { echo "no virtual environment could be made: on Debian and Ubuntu, install python3-venv" >&2; exit 2; }
echo "Installing into edgewb/.venv: a minute or two ..."
edgewb/.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index -f wheels -c edgewb/constraints.txt -e './edgewb[${extras}]'
touch edgewb/.venv/installed # so that `make lab` in edgewb/ does not install again
exec edgewb/.venv/bin/edgewb workshop check
