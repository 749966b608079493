"""Writes to the current folder: a class map and a 4-band uint16 scene of SIDE x SIDE pixels (8192 without), 500 jagged
zones and 100,000 small ones: `data.py [SIDE]`."""
import numpy as np, rasterio, sys, json
from rasterio.transform import from_origin
rng=np.random.default_rng(1)
n=int(sys.argv[1]) if len(sys.argv)>1 else 8192
# EPSG:6933 cells have one true area
tr=from_origin(9_000_000, 1_000_000, 10, 10)
small=rng.integers(0,6,(n//16,n//16),dtype=np.uint8)
cls=np.kron(small,np.ones((16,16),np.uint8))
noise=rng.random((n,n))<0.1
cls[noise]=rng.integers(0,6,noise.sum(),dtype=np.uint8)
cls[:, :300]=255
with rasterio.open('classes.tif','w',driver='GTiff',width=n,height=n,count=1,dtype='uint8',crs='EPSG:6933',transform=tr,nodata=255,tiled=True,blockxsize=512,blockysize=512,compress='deflate') as d: d.write(cls,1)
base=np.cumsum(rng.normal(size=(n//64,n//64)),axis=1)
with rasterio.open('scene.tif','w',driver='GTiff',width=n,height=n,count=4,dtype='uint16',crs='EPSG:6933',transform=tr,nodata=0,tiled=True,blockxsize=512,blockysize=512,compress='deflate',predictor=2) as d:
    for b in range(4):
        v=np.kron(base,np.ones((64,64)))*100+3000+rng.normal(size=(n,n)).astype(np.float32)*60
        d.write(np.clip(v,1,60000).astype(np.uint16),b+1)
def jag(p,q,rng,k,amp):
    # p->q with k jittered inner points, deterministic per edge
    p=np.array(p);q=np.array(q);t=np.linspace(0,1,k+2)
    d=q-p;nrm=np.array([-d[1],d[0]])
    off=rng.normal(size=k+2)*amp*np.minimum(1,6*np.minimum(t,1-t))
    return p+np.outer(t,d)+np.outer(off,nrm)
def mesh(nx,ny,x0,y0,x1,y1,k,name,jit=0.25,amp=0.02):
    rng=np.random.default_rng(7)
    X=np.linspace(x0,x1,nx+1);Y=np.linspace(y0,y1,ny+1)
    P=np.zeros((ny+1,nx+1,2))
    for j in range(ny+1):
        for i in range(nx+1):
            dx=(x1-x0)/nx*jit*rng.uniform(-1,1)*(0<i<nx);dy=(y1-y0)/ny*jit*rng.uniform(-1,1)*(0<j<ny)
            P[j,i]=(X[i]+dx,Y[j]+dy)
    H={};V={}
    for j in range(ny+1):
        for i in range(nx): H[j,i]=jag(P[j,i],P[j,i+1],rng,k,amp if 0<j<ny else 0)
    for j in range(ny):
        for i in range(nx+1): V[j,i]=jag(P[j,i],P[j+1,i],rng,k,amp if 0<i<nx else 0)
    f=[]
    for j in range(ny):
        for i in range(nx):
            ring=np.concatenate([H[j,i][:-1],V[j,i+1][:-1],H[j+1,i][::-1][:-1],V[j,i][::-1]])
            f.append({"type":"Feature","properties":{"id":f"z{j*nx+i}"},"geometry":{"type":"Polygon","coordinates":[ring.tolist()]}})
    json.dump({"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::6933"}},"features":f},open(name,'w'))
x0,y1=9_000_000,1_000_000;x1=x0+n*10;y0=y1-n*10
mesh(25,20,x0+1000,y0+1000,x1-1000,y1-1000,100,'zones500.geojson')
mesh(400,250,x0+1000,y0+1000,x1-1000,y1-1000,2,'zones100k.geojson',amp=0.05)
