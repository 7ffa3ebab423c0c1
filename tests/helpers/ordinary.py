"""Results as ordinary functions return them: hundreds of types of the packages that people use.

Each is written as an expression, as older and newer versions of the packages lack some.
"""

# ruff: noqa: E501, SIM905 - lists
from __future__ import annotations

import warnings
from collections.abc import Iterator
from types import GeneratorType
from typing import Any

import numpy as np

# Functions that read or write, call what they are given, or change how others work.
_OUTSIDE = set(
    "apply_along_axis apply_over_axes bench errstate fromfile fromfunction fromiter frompyfunc fromregex genfromtxt"
    " get_include getbufsize geterrcall info load loadtxt lookfor memmap nditer nested_iters piecewise printoptions"
    " save savetxt savez savez_compressed set_printoptions set_string_function setbufsize seterr seterrcall seterrobj"
    " _add_newdoc_ufunc add_newdoc add_newdoc_ufunc add_docstring compare_chararrays fastCopyAndTranspose disp who"
    " recfromcsv recfromtxt deprecate deprecate_with_doc safe_eval DataSource set_numeric_ops get_printoptions"
    " show_config show_runtime source test vectorize call attrgetter methodcaller setitem delitem".split()
)


def functions_of(module: Any) -> Iterator[Any]:
    """Yield the functions of a module that anybody may call with anything."""
    for name in getattr(module, "__all__", None) or dir(module):
        value = getattr(module, name, None)
        if callable(value) and name not in _OUTSIDE and not name.startswith("_"):
            yield value


def fitted(made: type) -> Any:
    """Return an estimator of scikit-learn, with what it learnt if that is simple."""
    rows, (one, two), kinds = NAMES["ROWS"], (NAMES["ONE"], NAMES["TWO"]), NAMES["kinds"]
    for target in (one, kinds, np.c_[kinds, 1 - kinds], np.c_[one, two]):
        try:
            return made().fit(rows, target)
        except Exception:
            continue
    try:
        return made()
    except TypeError:
        return None


_random = np.random.default_rng(0)
NAMES: dict[str, Any] = {
    "np": np,
    "functions_of": functions_of,
    "fitted": fitted,
    "ROWS": _random.random((30, 3)),
    "ONE": _random.random(30),
    "TWO": _random.random(30),
    "kinds": (_random.random(30) > 0.5).astype(int),
}

# By package: what to run before, and expressions. A generator gives several values.
PACKAGES: dict[str, tuple[str, str]] = {
    "standard library": (
        """
import argparse, array, ast, calendar, cmath, collections, datetime, decimal, email.message, fractions, functools, http, inspect, ipaddress, logging, math, numbers, operator, os, pathlib, queue, random, re, sched, signal, socket, ssl, statistics, string, sys, tarfile, time, tokenize, types, enum, urllib.parse, uuid, zipfile, zoneinfo
""",
        """
1; 1.5; 1j; True; None; 'text'; b'bytes'; bytearray(b'a'); (1,); [1]; {1: 2}; {1}
frozenset({1}); range(3); slice(1); ...; NotImplemented; type(None); int; str; len; sum; sorted
max; min; abs; round; zip; isinstance; object; ValueError('no'); KeyError(1); OSError(2, 'no')
UnicodeDecodeError('a', b'', 0, 1, 'b'); UserWarning('no'); StopIteration(1)
ZeroDivisionError(); SystemExit(1); argparse.Namespace(a=1); types.SimpleNamespace(a=1)
re.compile('a'); re.compile(b'a', 2); array.array('d', [1]); collections.Counter('ab')
collections.OrderedDict(a=1); collections.defaultdict(int); collections.deque([1], 2)
collections.ChainMap({1: 2}); collections.UserDict(a=1); collections.UserList([1])
collections.UserString('a'); collections.defaultdict(list, a=[1])
collections.defaultdict(functools.partial(int, 3)); datetime.date(2020, 1, 1)
datetime.datetime(2020, 1, 1); datetime.time(1); datetime.timedelta(1); datetime.timezone.utc
datetime.datetime.now(datetime.timezone.utc); zoneinfo.ZoneInfo('Europe/Berlin'); time.gmtime(0)
decimal.Decimal('1.5'); decimal.Context(); decimal.Decimal('1').as_tuple()
fractions.Fraction(1, 3); functools.partial(sum, [1]); functools.partial(np.mean, axis=0)
http.HTTPStatus.OK; signal.SIGINT; socket.AF_INET; ssl.TLSVersion.TLSv1_2; re.IGNORECASE
inspect.Parameter.KEYWORD_ONLY; calendar.TextCalendar()
logging.LogRecord('a', 1, 'a', 1, 'a', (), None); ipaddress.ip_address('1.2.3.4')
ipaddress.ip_address('::1'); ipaddress.ip_network('1.2.0.0/16'); ipaddress.ip_network('::/8')
ipaddress.ip_interface('1.2.3.4/8'); ipaddress.ip_interface('::1/8'); pathlib.Path('a')
pathlib.PurePosixPath('a'); pathlib.PureWindowsPath('a'); random.Random(1); uuid.UUID(int=5)
uuid.UUID(int=5).is_safe; sys.version_info[:2]; statistics.NormalDist(1, 2)
string.Template('a'); fractions.Fraction(2); urllib.parse.urlparse('a://b/c')
urllib.parse.urlsplit('a'); urllib.parse.urldefrag('a#b'); zipfile.ZipInfo('a')
tarfile.TarInfo('a'); email.message.EmailMessage(); email.message.Message(); ast.parse('a + 1')
tokenize.TokenInfo(1, 'a', (1, 1), (1, 2), 'a'); inspect.signature(lambda a: 1)
operator.itemgetter(1); operator.add; operator.mul; iter([1, 2]); iter((1,)); iter('ab')
numbers.Number; collections.abc.Mapping; Warning; queue.Empty()
sched.Event(1, 2, 3, None, (), {}); (member for module in (http, inspect, re, signal, socket, ssl, uuid) for kind in vars(module).values() if isinstance(kind, enum.EnumMeta) for member in kind); os.stat('/'); os.times(); os.terminal_size((1, 2)); time.localtime(0); sys.float_info.max
complex(1, 2)
(f for module in (cmath, math, operator, statistics) for f in functions_of(module))
""",
    ),
    "numpy": (
        """
import functools
CODES = [f"{code}8[s]" if code in "Mm" else code for code in "?bhilqBHILQefdgFDGSUVOMm"]
BITS = "MT19937 PCG64 PCG64DXSM Philox SFC64".split()
""",
        """
np.matrix([[1]]); np.rec.array([(1, 2.0)]); np.rec.array([(1, 2.0)])[0]; np.char.array(['a'])
np.ma.array([1, 2], mask=[0, 1]); np.ma.masked; np.poly1d([1, 2]); np.zeros(2, [('a', 'f4')])
np.zeros(3, [(f'column {i}', 'f8') for i in range(1000)])
np.rec.array([(1,) * 1000], dtype=[(f'column {i}', 'f8') for i in range(1000)])
np.zeros(3, [(f'column {i}', 'O') for i in range(1000)]); np.random.RandomState(1)
np.random.SeedSequence(1); np.random.default_rng(1); np.mean; np.sin; np.add; np.linalg.norm
np.fft.fft; np.float32; np.median; np.zeros; np.linalg.svd(np.eye(2)); np.linalg.eig(np.eye(2))
np.linalg.qr(np.eye(2)); np.linalg.slogdet(np.eye(2)); np.finfo('f4').dtype
np.iinfo('i4').dtype; np.newaxis; np.histogram(ONE); np.unique(ONE, return_index=True)
np.datetime64('2020'); np.s_[1:2, ::3]; np.linalg.LinAlgError('no'); np.exceptions.AxisError(1)
functools.partial(np.percentile, q=5)
(f for module in (np, np.linalg, np.fft) for f in functions_of(module))
(np.zeros(2, code) for code in CODES)
(np.zeros(1, code)[0] for code in CODES if code not in 'VO'); (np.dtype(code) for code in CODES)
(getattr(np.polynomial, name)([1, 2]) for name in 'Polynomial Chebyshev Legendre Laguerre Hermite HermiteE'.split())
(getattr(np.random, name)(1) for name in BITS)
(np.random.Generator(getattr(np.random, name)(1)) for name in BITS); np.unique_all(ONE)
np.unique_counts(ONE); np.unique_inverse(ONE)
np.array(['a', None], np.dtypes.StringDType(na_object=None))
""",
    ),
    "distributions": (
        """
import scipy.stats
from scipy.stats import _distr_params
SHAPES = [*_distr_params.distcont, *_distr_params.distdiscrete]
""",
        """
scipy.stats.norm; scipy.stats.rv_histogram(np.histogram(ONE)); scipy.stats.gaussian_kde(ONE)
scipy.stats.multivariate_normal([0, 1]); scipy.stats.multivariate_t([0, 1])
scipy.stats.dirichlet([1, 2]); scipy.stats.wishart(3, np.eye(2)); scipy.stats.ortho_group(3)
scipy.stats.multinomial(3, [0.5, 0.5]); scipy.stats.qmc.Sobol(2); scipy.stats.qmc.Halton(2)
scipy.stats.uniform_direction(3)
(getattr(scipy.stats, name)(*shapes) for name, shapes in SHAPES if isinstance(name, str))
""",
    ),
    "scipy.stats": (
        """
from scipy import stats
ALONE = "describe skewtest kurtosistest normaltest jarque_bera shapiro cumfreq relfreq sem iqr gmean bayes_mvs mvsdist mode gstd".split()
ALONE += "variation sigmaclip probplot boxcox yeojohnson ecdf differential_entropy zscore chisquare power_divergence".split()
PAIRED = "pearsonr spearmanr kendalltau weightedtau linregress theilslopes siegelslopes ttest_ind ttest_rel ks_2samp".split()
PAIRED += "mannwhitneyu ranksums wilcoxon kruskal brunnermunzel f_oneway alexandergovern ansari levene bartlett".split()
PAIRED += "fligner mood median_test cramervonmises_2samp epps_singleton_2samp binned_statistic tukey_hsd".split()
""",
        """
stats.ttest_1samp(ONE, 0); stats.kstest(ONE, 'uniform'); stats.cramervonmises(ONE, 'uniform')
stats.friedmanchisquare(*ROWS.T)
stats.anderson_ksamp([ONE, TWO], method=stats.PermutationMethod(99)); stats.binomtest(3, 9)
stats.binomtest(3, 9).proportion_ci(); stats.fisher_exact([[3, 2], [1, 4]])
stats.chi2_contingency([[3, 2], [1, 4]]); stats.barnard_exact([[3, 2], [1, 4]])
stats.boschloo_exact([[3, 2], [1, 4]]); stats.contingency.crosstab([1, 2], [1, 2])
stats.contingency.odds_ratio([[3, 2], [1, 4]]); stats.contingency.relative_risk(1, 9, 2, 9)
stats.poisson_means_test(1, 9, 2, 9); stats.page_trend_test(ROWS)
stats.binned_statistic_2d(ONE, TWO, ONE); stats.binned_statistic_dd(ROWS, ONE, bins=2)
stats.ttest_ind(ONE, TWO).confidence_interval(); stats.bootstrap((ONE,), np.mean, n_resamples=9)
stats.permutation_test((ONE, TWO), lambda a, b: np.mean(a) - np.mean(b), n_resamples=9, vectorized=False)
stats.monte_carlo_test(ONE, stats.norm.rvs, np.mean, n_resamples=9, vectorized=False)
stats.dunnett(ONE, control=TWO); stats.fit(stats.norm, ONE, {'loc': (0, 1), 'scale': (0.1, 1)})
stats.goodness_of_fit(stats.norm, ONE, n_mc_samples=9)
stats.pearsonr(ONE, TWO).confidence_interval(); stats.combine_pvalues([0.1, 0.2])
stats.quantile_test(ONE)
stats.multiscale_graphcorr(ONE[:9, None], TWO[:9, None], reps=2, is_twosamp=False)
stats.sobol_indices(func=lambda x: x.sum(axis=0), n=4, dists=[stats.uniform()] * 2)
stats.logrank(ONE, TWO); (getattr(stats, name)(ONE) for name in ALONE)
(getattr(stats, name)(ONE, TWO) for name in PAIRED); stats.pointbiserialr(ONE > 0.5, TWO)
stats.somersd((ONE * 4).astype(int), (TWO * 4).astype(int)); stats.anderson(ONE)
""",
    ),
    "scipy": (
        """
from scipy import interpolate as inter, optimize as opt, signal, spatial as space
import scipy.cluster.hierarchy, scipy.cluster.vq, scipy.fft, scipy.integrate, scipy.linalg, scipy.ndimage, scipy.odr, scipy.sparse.linalg, scipy.special
line = np.arange(9.0)
curve = np.sin(line)
FORMS = "csr csc coo bsr dia lil dok".split()
""",
        """
inter.CubicSpline(line, curve); inter.PchipInterpolator(line, curve)
inter.Akima1DInterpolator(line, curve); inter.CubicHermiteSpline(line, curve, curve)
inter.UnivariateSpline(line, curve); inter.LSQUnivariateSpline(line, curve, [3, 5])
inter.InterpolatedUnivariateSpline(line, curve); inter.interp1d(line, curve)
inter.interp1d(line, curve, 'cubic'); inter.splrep(line, curve)
inter.make_interp_spline(line, curve); inter.BSpline([0, 1, 2, 3, 4, 5], [1, 2, 3], 2)
inter.PPoly([[1.0, 2]], [0, 1, 2]); inter.BPoly([[1.0, 2]], [0, 1, 2])
inter.BarycentricInterpolator(line, curve); inter.KroghInterpolator(line[:4], curve[:4])
inter.RectBivariateSpline(line, line, np.outer(curve, curve))
inter.SmoothBivariateSpline(ONE, TWO, ONE + TWO); inter.LinearNDInterpolator(ROWS[:, :2], ONE)
inter.NearestNDInterpolator(ROWS, ONE); inter.CloughTocher2DInterpolator(ROWS[:, :2], ONE)
inter.RegularGridInterpolator((line, line), np.outer(curve, curve))
inter.RBFInterpolator(ROWS, ONE); inter.Rbf(ONE, TWO, ONE); inter.AAA(line, curve)
inter.NdPPoly(np.ones((1, 1)), ([0.0, 1],)); inter.lagrange(line[:3], curve[:3])
inter.make_smoothing_spline(line, curve); space.KDTree(ROWS); space.cKDTree(ROWS)
space.Rectangle([1], [0]); space.distance.pdist(ROWS)
space.SphericalVoronoi(np.vstack([np.eye(3), -np.eye(3)])); space.procrustes(ROWS, ROWS)
space.transform.Rotation.random(3, rng=1)
space.transform.Slerp([0, 1, 2], space.transform.Rotation.random(3, rng=1))
space.transform.RotationSpline([0, 1, 2], space.transform.Rotation.random(3, rng=1))
scipy.sparse.linalg.aslinearoperator(np.eye(3)); signal.lti([1], [1, 2])
signal.dlti([1], [1, 2]); signal.StateSpace(1, 2, 3, 4); signal.ZerosPolesGain([1], [2], 3)
signal.TransferFunction([1], [1, 2]); signal.butter(3, 0.1); signal.butter(3, 0.1, output='sos')
signal.find_peaks(ONE); signal.ShortTimeFFT(np.ones(8), 4, 100)
signal.dlti([1], [1, 2], dt=0.1); signal.cont2discrete(([1], [1, 2]), 0.1)
opt.minimize(lambda x: (x ** 2).sum(), [1.0, 2]); opt.minimize_scalar(lambda x: (x - 1) ** 2)
opt.root(np.cos, 1.0); opt.root_scalar(np.cos, bracket=(1, 2))
opt.least_squares(lambda x: x, [1.0]); opt.linprog([1, 1], bounds=(0, 1))
opt.curve_fit(lambda x, a: a * x, ONE, TWO); opt.nnls(np.eye(2), [1, 2])
opt.lsq_linear(np.eye(2), [1, 2]); opt.Bounds(0, 1); opt.LinearConstraint(np.eye(2))
opt.differential_evolution(lambda x: x[0] ** 2, [(0, 1)], maxiter=2, seed=1); opt.BFGS()
opt.dual_annealing(lambda x: x[0] ** 2, [(0, 1)], maxiter=2)
opt.brute(lambda x: x[0], ((0, 1),), full_output=True); opt.milp([1])
opt.minimize(lambda x: (x ** 2).sum(), [1.0, 2], method='trust-constr')
scipy.integrate.quad(np.sin, 0, 1); scipy.integrate.solve_ivp(lambda t, y: -y, (0, 1), [1.0])
scipy.integrate.odeint(lambda y, t: -y, 1.0, line)
scipy.integrate.solve_ivp(lambda t, y: -y, (0, 1), [1.0], dense_output=True).sol
scipy.integrate.quad_vec(np.sin, 0, 1); scipy.fft.fft(ONE); scipy.cluster.vq.kmeans(ROWS, 2)
scipy.cluster.hierarchy.linkage(ROWS)
scipy.cluster.hierarchy.to_tree(scipy.cluster.hierarchy.linkage(ROWS))
scipy.ndimage.label(ROWS); scipy.linalg.lu(np.eye(2)); scipy.linalg.svd(np.eye(2))
scipy.odr.Data(ONE, TWO); scipy.special.roots_legendre(3); scipy.special.legendre(3)
scipy.special.chebyt(3); scipy.special.expit; space.transform.RigidTransform.identity()
(getattr(scipy.sparse, f'{form}_{kind}')(np.eye(3)) for form in FORMS for kind in ('matrix', 'array'))
""",
    ),
    "pandas": (
        """
import pandas as pd
times = pd.date_range('2020', periods=30, tz='UTC')
frame = pd.DataFrame({'a': ONE, 'b': [f'x{i}' for i in range(30)], 'c': times, 'd': pd.Categorical(['a', 'b', 'c'] * 10)})
numbers = pd.Series([1, 0, 1], dtype='Int64')
OFFSETS = 'Day Hour Minute Second Milli Micro Nano BDay BMonthEnd BMonthBegin MonthEnd MonthBegin SemiMonthEnd SemiMonthBegin QuarterEnd'.split()
OFFSETS += 'QuarterBegin BQuarterEnd BQuarterBegin YearEnd YearBegin BYearEnd BYearBegin Week BusinessHour CustomBusinessDay Easter'.split()
DTYPES = "Int8 Int64 UInt16 Float32 Float64 boolean string category object int8 float32".split()
""",
        """
frame; frame.a; frame.b; frame.c; frame.d; frame.set_index('b'); frame.set_index(['a', 'b'])
frame.describe(); frame.dtypes; frame.T; frame.corr(numeric_only=True)
frame.groupby('d', observed=True).a.mean(); frame.to_records(); frame.index; frame.columns
times; frame.set_index(['a', 'b']).index; pd.Index([1, 2]); pd.Index(['a']); pd.Index([1.5])
pd.Timestamp('2020'); pd.Timestamp('2020', tz='Europe/Berlin'); pd.Timedelta('1s')
pd.Period('2020-01'); pd.NaT; pd.NA; pd.Interval(0, 1); pd.interval_range(0, 3)
pd.period_range('2020', periods=3, freq='M'); pd.timedelta_range('1s', periods=3)
pd.Categorical(['a']); pd.CategoricalDtype(['a']); pd.DatetimeTZDtype(tz='UTC')
pd.IntervalDtype('int64'); pd.PeriodDtype('D'); pd.arrays.SparseArray([0, 1]); pd.SparseDtype()
pd.RangeIndex(3); pd.MultiIndex.from_product([[1], [2]]); pd.Flags; pd.offsets.Day(1)
(getattr(pd.offsets, name)() for name in OFFSETS)
pd.offsets.BMonthEnd(1); pd.offsets.Hour(2); pd.DateOffset(days=1); pd.offsets.Week(weekday=1)
pd.offsets.QuarterEnd(); pd.DataFrame(); pd.Series(dtype=float); pd.get_dummies(frame.d)
frame.iloc[::2]; pd.cut(frame.a, 3); frame.resample('D', on='c').a.mean()
pd.errors.EmptyDataError('no'); frame.astype({'d': str}); pd.crosstab(frame.b, frame.d)
(numbers.astype(dtype) for dtype in DTYPES); (numbers.astype(dtype).array for dtype in DTYPES)
(numbers.astype(dtype).dtype for dtype in DTYPES)
""",
    ),
    "sklearn": (
        """
import sklearn.cluster, sklearn.linear_model, sklearn.neighbors, sklearn.neural_network
import sklearn.datasets
import sklearn.gaussian_process
import sklearn.metrics
import sklearn.model_selection
import sklearn.pipeline
import sklearn.preprocessing
from sklearn.utils.discovery import all_estimators
import scipy.stats
scaler, regression = (sklearn.preprocessing.StandardScaler(), sklearn.linear_model.LogisticRegression())
pipe = sklearn.pipeline.make_pipeline(scaler, regression).fit(ROWS, kinds)
kernels = sklearn.gaussian_process.kernels
""",
        """
pipe; pipe.predict(ROWS); sklearn.datasets.load_iris()
sklearn.datasets.load_iris(as_frame=True)
sklearn.model_selection.GridSearchCV(pipe, {'logisticregression__C': [1, 2]}).fit(ROWS, kinds)
sklearn.model_selection.RandomizedSearchCV(regression, {'C': scipy.stats.uniform(1, 2)}, n_iter=2).fit(ROWS, kinds)
sklearn.model_selection.KFold(3); sklearn.model_selection.StratifiedKFold(3)
sklearn.model_selection.ShuffleSplit(3); sklearn.model_selection.TimeSeriesSplit(3)
sklearn.model_selection.GroupKFold(3); list(sklearn.model_selection.KFold(3).split(ROWS))
sklearn.model_selection.cross_validate(regression, ROWS, kinds)
sklearn.metrics.make_scorer(sklearn.metrics.f1_score); sklearn.metrics.get_scorer('accuracy')
sklearn.metrics.roc_curve(kinds, ONE)
sklearn.metrics.classification_report(kinds, kinds, output_dict=True); kernels.RBF()
kernels.Matern(); kernels.WhiteKernel() + kernels.ConstantKernel() * kernels.RationalQuadratic()
kernels.DotProduct(); (sklearn.metrics.DistanceMetric.get_metric(name) for name in 'euclidean manhattan chebyshev hamming canberra braycurtis jaccard'.split()); (sklearn.linear_model.SGDClassifier(loss=loss).fit(ROWS, kinds) for loss in 'hinge log_loss modified_huber squared_hinge perceptron'.split()); (sklearn.linear_model.SGDRegressor(loss=loss).fit(ROWS, ONE) for loss in 'squared_error huber epsilon_insensitive squared_epsilon_insensitive'.split()); (sklearn.ensemble.HistGradientBoostingRegressor(loss=loss, max_iter=2).fit(ROWS, ONE) for loss in 'squared_error absolute_error gamma poisson'.split()); sklearn.ensemble.HistGradientBoostingRegressor(loss='quantile', quantile=0.5, max_iter=2).fit(ROWS, ONE); (sklearn.ensemble.GradientBoostingRegressor(loss=loss, n_estimators=2).fit(ROWS, ONE) for loss in 'huber quantile absolute_error'.split()); (sklearn.linear_model.TweedieRegressor(power=power).fit(ROWS, ONE) for power in (0, 1.5)); sklearn.neighbors.KDTree(ROWS); sklearn.neighbors.BallTree(ROWS)
sklearn.linear_model.SGDRegressor(loss='huber').fit(ROWS, ONE)
(fitted(made) for _, made in all_estimators())
(sklearn.neural_network.MLPClassifier(5, solver=solver, max_iter=5).fit(ROWS, kinds) for solver in ('lbfgs', 'sgd', 'adam'))
""",
    ),
    "nibabel and xarray": (
        """
import nibabel
import pandas as pd
import xarray as xr
import nibabel.streamlines, nibabel.gifti, nibabel.cifti2
data = np.zeros((2, 3, 4), np.float32)
IMAGES = 'Nifti1Image Nifti2Image Nifti1Pair AnalyzeImage Spm99AnalyzeImage MGHImage Spm2AnalyzeImage'.split()
array = xr.DataArray(ROWS, dims=('x', 'y'), coords={'x': pd.date_range('2020', periods=30), 'y': list('abc')}, attrs={'a': 1})
""",
        """
nibabel.streamlines.Tractogram([ROWS], affine_to_rasmm=np.eye(4))
nibabel.streamlines.ArraySequence([ROWS]); nibabel.gifti.GiftiDataArray(ROWS.astype('f4'))
nibabel.gifti.GiftiImage(); nibabel.cifti2.ScalarAxis(['a']); nibabel.cifti2.Cifti2Header()
array; array.to_dataset(name='v'); array.variable; array.coords; array.x; array.mean('x')
array.isel(x=0); xr.Dataset({'a': ('t', [1, 2])}); xr.Variable('x', [1]); array.encoding
array.indexes['x']; xr.concat([array, array], 'z')
(getattr(nibabel, name)(data, np.eye(4)) for name in IMAGES)
(getattr(nibabel, name)(data, np.eye(4)).header for name in IMAGES)
""",
    ),
}


def results(package: str) -> Iterator[tuple[str, Any]]:
    """Yield expressions and their values, as far as the installed version has them."""
    before, expressions = PACKAGES[package]
    names = dict(NAMES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(before, names)
        for expression in expressions.strip().replace("\n", "; ").split("; "):
            try:
                value = eval(expression, names)
                for one in value if type(value) is GeneratorType else [value]:
                    yield expression, one
            except (AttributeError, TypeError, ValueError, ImportError):
                continue
