@echo off
rem Installs edgewb from the wheels in this folder into edgewb\.venv. Asks no network for anything.
cd /d "%~dp0"
py -${python} -m venv edgewb\.venv
if errorlevel 1 (
  echo Python ${python}, ${least} or later, was not found: install it first, these wheels are for no other.
  exit /b 2
)
echo Installing into edgewb\.venv: a few minutes ...
edgewb\.venv\Scripts\python -m pip install --quiet --disable-pip-version-check --no-index -f wheels -c edgewb\constraints.txt -e "./edgewb[${extras}]"
if errorlevel 1 exit /b 1
edgewb\.venv\Scripts\edgewb workshop check
