import sys,time,resource
from exactextract import exact_extract
raster,zones,strategy,*ops=sys.argv[1:]
t=time.time();c=time.process_time()
import geopandas
g=geopandas.read_file(zones)
df=exact_extract(raster,g,ops,include_cols='id',output='pandas',strategy=strategy)
print(f"{raster} {strategy} wall {time.time()-t:.2f} cpu {time.process_time()-c:.2f}", file=sys.stderr)
df.to_csv(f"ee_{raster}_{strategy}_{len(df)}.csv",index=False)
